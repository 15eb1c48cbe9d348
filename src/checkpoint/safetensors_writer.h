// Writer of safetensors files: header padded so that every tensor starts at a multiple of 64 bytes, whole file atomic.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
    std::string sha256;                // of the file
    std::vector<std::string> padding;  // names of the padding tensors, which an index of shards must list too
};

// Names of the tensors that fill gaps: safetensors knows no holes, and data must be aligned. Whoever looks at all
// tensors of a table skips them.
inline constexpr std::string_view kPaddingPrefix = "dwubit.padding.";

// Puts the tensors whose size is a multiple of 64 bytes before the others, both in the order they had: fewer gaps.
void aligned_sizes_first(std::vector<TensorToWrite>& tensors);

// Writes `tensors` in the order given, with a U8 tensor "dwubit.padding.<name>" before each <name> that would not
// start at a multiple of 64 (so that padding has no name twice in a sharded checkpoint either). The same input gives
// the same bytes. Duplicate names or a size that does not fit dtype and shape are programmer errors.
Result<WrittenFile> write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors,
                                      const std::map<std::string, std::string>& metadata = {});

}  // namespace dwubit
