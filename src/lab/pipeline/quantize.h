// Quantizes every linear of a model by one method: the command `quantize`.
#pragma once

#include "lab_api/lab_api.h"

namespace dwubit::lab {

// The request's options, by its method; its files are not looked at. Throws Failure.
ResolvedOptions resolve_options(const QuantizeRequest& request);

// Returns the members of the command's JSON object. Throws Failure.
Json quantize(const QuantizeRequest& request, LabContext& context);

}  // namespace dwubit::lab
