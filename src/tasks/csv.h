// Comma-separated values (RFC 4180) as documents, typed as Hugging Face's datasets types them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

// The first row names the fields. Empty lines are skipped, a short row is filled with nulls. A column becomes integers,
// numbers or booleans where all of its values are (integers with a null among them: numbers), else text; "", "NA",
// "null" and what else pandas takes for missing is null. `where` names the file in messages, which have the line.
Result<std::vector<OrderedJson>> parse_csv(std::string_view text, const std::string& where);

}  // namespace dwubit
