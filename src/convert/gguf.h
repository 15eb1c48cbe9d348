// A model as a GGUF file, which llama.cpp and its relatives load (docs/formats/gguf.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/thread_pool.h"
#include "dwubit/result.h"

namespace dwubit {

struct GgufOptions {
    // ggml's type of the matrices, in lower case: f32, f16, bf16, q8_0. "keep": as they are stored, where GGUF has a
    // type for that; embedding and head of a model that is quantized in such a type become what llama.cpp's mix for it
    // makes of them.
    std::string type = "keep";
    bool overwrite = false;
};

struct GgufExport {
    std::uint64_t bytes = 0;
    std::int64_t tensors = 0;
    std::string type;                   // of most weights
    std::vector<std::string> warnings;  // what llama.cpp may see differently
};

// Writes the file `out` from any MODEL: metadata, tokenizer with chat template, tensors with the rows of q and k in
// GGUF's order. One tensor is in memory at a time. Errors: a format or tokenizer that GGUF cannot hold (named), values
// outside the type's range, `out` exists.
Result<GgufExport> export_gguf(const std::filesystem::path& model, const std::filesystem::path& out,
                               const GgufOptions& options, ThreadPool& pool, ProgressSink& progress = no_progress());

}  // namespace dwubit
