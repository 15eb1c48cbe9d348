// `dwubit compare` from its arguments to its object: two folders of results in, what differs out.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/thread_pool.h"
#include "eval/paired.h"
#include "json/json.h"

namespace dwubit {

struct CompareRequest {
    std::filesystem::path a, b;                   // `a` is the base
    std::optional<std::filesystem::path> output;  // folder for compare.json and compare.md
    bool overwrite = false;
    PairedOptions options;
};

struct CompareAnswer {
    // {"a", "b": {"path", "file", "model", "program", "perplexity"}}, compare_results()' members without "warnings",
    // and "files".
    Json object;
    std::string text;  // Markdown
    std::vector<std::string> warnings;
};

// `perplexity`: of the object that `dwubit perplexity --json` printed, where perplexity.json lies in the folder or
// beside the results, with its "kl"; else null.
Result<CompareAnswer> run_compare(const CompareRequest& request, ThreadPool& pool);

// `object` in words, as Markdown.
std::string comparison_text(const Json& object);

}  // namespace dwubit
