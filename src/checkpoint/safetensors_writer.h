// Writer of safetensors files: header padded so that every tensor starts at a multiple of 64 bytes, whole file atomic.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "base/span.h"
#include "checkpoint/tensor_table.h"

namespace dwubit {

struct TensorToWrite {
    std::string name;
    DType dtype = DType::kF32;
    Shape shape;
    std::span<const std::byte> bytes;  // row-major, little-endian, dtype x shape; not copied
};

struct WrittenFile {
    std::uint64_t bytes = 0;
    std::string sha256;  // of the file
};

// Names of the tensors that fill gaps: safetensors knows no holes, and data must be aligned. Readers skip them.
inline constexpr std::string_view kPaddingPrefix = "dwubit.padding.";

// Writes `tensors` in the order given, with U8 tensors "dwubit.padding.<i>" where one would not start at a multiple
// of 64. The same input gives the same bytes. Duplicate names or a size that does not fit dtype and shape are
// programmer errors.
Result<WrittenFile> write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors,
                                      const std::map<std::string, std::string>& metadata = {});

}  // namespace dwubit
