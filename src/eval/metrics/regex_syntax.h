// Python's regular expression syntax, rewritten for PCRE2. Part of regex.cpp.
#pragma once

#include <string>
#include <string_view>

#include "dwubit/result.h"

namespace dwubit {

// Errors say what is wrong at which byte; the caller adds the pattern.
Result<std::string> python_regex_to_pcre2(std::string_view pattern);

}  // namespace dwubit
