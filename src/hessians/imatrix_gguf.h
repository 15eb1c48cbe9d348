// llama.cpp's importance matrix as a GGUF file (general.type "imatrix"):
//
//   imatrix.datasets [string], imatrix.chunk_count u32, imatrix.chunk_size u32
//   <tensor>.in_sum2 F32 [matrices, columns]   sums of squared inputs
//   <tensor>.counts F32 [matrices, 1]          over how many rows; a mean is in_sum2 / counts, 1 where counts is 0
//
// In terms of imatrix.h a call is kImatrixChunk rows, and values are calls x mean, as llama.cpp converts its older
// form.
#pragma once

#include "hessians/imatrix.h"

namespace dwubit {

inline constexpr std::int64_t kImatrixChunk = 512;  // rows

bool is_imatrix_gguf(std::span<const std::byte> file);

// What parse_imatrix() and write_imatrix() do with this form. Several matrices in a tensor (experts) are refused.
Result<Imatrix> parse_imatrix_gguf(std::span<const std::byte> file, const std::string& name);
Result<void> write_imatrix_gguf(const std::filesystem::path& path, const Imatrix& imatrix);

}  // namespace dwubit
