// Quantizes every linear of a model by one method: the command `quantize`.
#pragma once

#include "lab_api/lab_api.h"

namespace dwubit::lab {

// Returns the members of the command's JSON object. Throws Failure.
Json quantize(const QuantizeRequest& request, LabContext& context);

}  // namespace dwubit::lab
