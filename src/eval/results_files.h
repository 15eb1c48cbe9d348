// Where the files of results lie. Part of loaded_results.cpp.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"

namespace dwubit {

struct ResultsFiles {
    std::filesystem::path results;
    std::string stamp;               // results_<stamp>.json
    std::vector<std::string> older;  // other results files that were there
};

// As load_results() says of its path. NotFound where there is none.
Result<ResultsFiles> find_results_files(const std::filesystem::path& path);

// JSON as Python writes it: NaN, Infinity and -Infinity outside of strings become null.
std::string without_python_constants(std::string_view text);

}  // namespace dwubit
