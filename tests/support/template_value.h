// JSON as a template's value, keys in the order of the text.
#pragma once

#include <nlohmann/json.hpp>

#include "template/value.h"

namespace dwubit {

tmpl::Value template_value(const nlohmann::ordered_json& json);

}  // namespace dwubit
