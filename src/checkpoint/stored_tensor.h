// Tensors as they are stored and as values. A plain tensor (every one of safetensors) is its values; one of a GGUF file
// may lie in ggml's blocks, or with the rows of its heads in another order (DType::kBlocks).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/thread_pool.h"
#include "checkpoint/tensor_table.h"

namespace dwubit {

// "BF16", or of blocks ggml's name of their type: "Q4_1".
std::string_view stored_type_name(const TensorView& tensor);

// What its values are: dtype of a plain tensor and of blocks of one weight, F32 of others.
DType value_dtype(const TensorView& tensor);

// A tensor as rows of its innermost dimension; a vector is one row, one whose values are reordered a row each.
std::int64_t stored_rows(const TensorView& tensor);
std::int64_t stored_row_values(const TensorView& tensor);

// The stored bytes of row `row`, in the order that `shape` means.
std::span<const std::byte> stored_row(const TensorView& tensor, std::int64_t row);

// Values of `count` rows from `first` on, row-major: widened (F32, F16, BF16 and blocks only), or as value_dtype().
void read_stored_rows(const TensorView& tensor, std::int64_t first, std::int64_t count, float* out);
void copy_stored_rows(const TensorView& tensor, std::int64_t first, std::int64_t count, std::byte* out);

// A plain tensor of the same values. A plain one is returned as it is; else `memory` gets what the result points into.
TensorView plain_tensor(const TensorView& tensor, std::shared_ptr<const void>& memory, ThreadPool* pool = nullptr);

// plain_tensor() of all tensors of the table, in place; those that `keep` names stay blocks, with their rows in order.
using KeepBlocks = std::function<bool(const TensorView&)>;
void make_plain(TensorTable& table, ThreadPool& pool, const KeepBlocks& keep = nullptr);

}  // namespace dwubit
