// Models quantized to e8p in the layout of QuIP#'s released checkpoints, both ways: `Qidxs`, SU, SV, a Llama config.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/log.h"
#include "base/thread_pool.h"
#include "convert/llama_export.h"
#include "dwubit/result.h"

namespace dwubit {

// Writes the folder `out` from the dwubit directory `model`: every linear of its layers in e8p with rht on both sides,
// q, k and v fused in this order, up and gate too. Codes are unpacked again and compared. Other tensors become F16.
// Errors name the module and what the layout asks for.
Result<LlamaExported> export_quip_sharp(const std::filesystem::path& model, const std::filesystem::path& out,
                                        bool overwrite, ThreadPool& pool, ProgressSink& progress = no_progress());

struct QuipSharpImport {
    std::uint64_t bytes = 0;
    std::int64_t modules = 0;
    int bits = 2;
};

// The inverse: a dwubit directory that runs. SV and the scales of fused parts become the factors of the outputs.
Result<QuipSharpImport> import_quip_sharp(const std::filesystem::path& model, const std::filesystem::path& out,
                                          bool overwrite, ThreadPool& pool, ProgressSink& progress = no_progress());

}  // namespace dwubit
