// A model with its quantized linears written out as plain matrices: a Hugging Face folder that any program reads, the
// dense twin of a dwubit directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/log.h"
#include "base/thread_pool.h"
#include "checkpoint/tensor_table.h"

namespace dwubit {

struct DenseOptions {
    DType dtype = DType::kF32;  // of what was quantized: F32 (the exact values), BF16 or F16
    bool overwrite = false;
};

struct DenseExport {
    std::uint64_t bytes = 0;       // of all files of the folder
    std::int64_t tensors = 0;      // written
    std::int64_t dequantized = 0;  // of them
};

// "float32", "bfloat16", "float16", as config.json's torch_dtype has them.
Result<DType> dense_dtype_from_name(std::string_view name);
std::string_view dense_dtype_name(DType dtype);

// Writes the folder `out` from the model folder `model`: one shard per layer and one for the rest, tensors that are
// stored as plain numbers byte for byte, config.json without quantization_config and with the dtype of the matrices,
// tokenizer files copied. One layer is in memory at a time. A model without quantized linears is copied so. Errors: a
// value that is not finite, or not after rounding to `dtype`, names the tensor and its place.
Result<DenseExport> export_dense(const std::filesystem::path& model, const std::filesystem::path& out,
                                 const DenseOptions& options, ThreadPool& pool, ProgressSink& progress = no_progress());

}  // namespace dwubit
