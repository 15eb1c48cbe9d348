// Bytes of a file that may be compressed, in order, a buffer at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "dwubit/result.h"

namespace dwubit {

enum class Compression { kNone, kGzip, kZstd };

class ByteSource {
public:
    virtual ~ByteSource() = default;
    // Fills the start of `buffer`, which is not empty; 0 at the end. Data that ends in the middle of a member or frame
    // is an error, as are bytes behind the last one. Messages do not name the file.
    virtual Result<std::size_t> read(std::span<char> buffer) = 0;
};

// `bytes` must outlive the source.
Result<std::unique_ptr<ByteSource>> open_byte_source(std::span<const std::byte> bytes, Compression compression);

}  // namespace dwubit
