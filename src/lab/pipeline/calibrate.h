// Collects the Hessians of every linear of a model from a text: the command `calibrate`.
#pragma once

#include "lab_api/lab_api.h"

namespace dwubit::lab {

// Returns the members of the command's JSON object. Throws Failure.
Json calibrate(const CalibrateRequest& request, LabContext& context);

}  // namespace dwubit::lab
