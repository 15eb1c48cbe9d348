// `dwubit perplexity` from its arguments to its object: a model and a corpus in, figures out.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/thread_pool.h"
#include "eval/perplexity.h"
#include "json/json.h"

namespace dwubit {

struct PerplexityRequest {
    std::filesystem::path model;
    std::filesystem::path data;
    std::string field = "text";
    PerplexityOptions options;
    bool add_bos = true;
    std::optional<std::string> document_end;    // --doc-end as given
    std::optional<std::filesystem::path> base;  // KL(base || model) too
    ActType act = ActType::kF32;
    KvType kv = KvType::kF32;  // of the model; the base's is float32
};

// Members of the command's object (docs: the command-line contract). `warn` takes a line for the user.
Result<Json> run_perplexity(const PerplexityRequest& request, ThreadPool& pool, ProgressSink& progress,
                            const std::function<void(std::string)>& warn);

}  // namespace dwubit
