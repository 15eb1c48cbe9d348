// GGUF files made byte by byte, whole or broken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/gguf.h"

namespace dwubit::testing {

// Little-endian bytes of a number.
template <class T>
std::string gguf_number(T value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}

inline std::string gguf_text(std::string_view text) {
    return gguf_number(std::uint64_t{text.size()}) + std::string(text);
}

// One metadata value: key, type, and its bytes.
inline std::string gguf_value(std::string_view key, GgufType type, const std::string& bytes) {
    return gguf_text(key) + gguf_number(static_cast<std::uint32_t>(type)) + bytes;
}

inline std::string gguf_array(GgufType type, std::uint64_t count, const std::string& bytes) {
    return gguf_number(static_cast<std::uint32_t>(type)) + gguf_number(count) + bytes;
}

// One tensor info; dimensions innermost first, as the file has them.
inline std::string gguf_tensor(std::string_view name, const std::vector<std::uint64_t>& dimensions, std::uint32_t type,
                               std::uint64_t offset) {
    std::string out = gguf_text(name) + gguf_number(static_cast<std::uint32_t>(dimensions.size()));
    for (const std::uint64_t extent : dimensions) out += gguf_number(extent);
    return out + gguf_number(type) + gguf_number(offset);
}

// A file of these parts, padded to `alignment` before the data.
inline std::string gguf_file(const std::vector<std::string>& values, const std::vector<std::string>& tensors,
                             const std::string& data, std::size_t alignment = 32, std::uint32_t version = 3) {
    std::string out = "GGUF" + gguf_number(version) + gguf_number(std::uint64_t{tensors.size()}) +
                      gguf_number(std::uint64_t{values.size()});
    for (const std::string& value : values) out += value;
    for (const std::string& tensor : tensors) out += tensor;
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data;
}

}  // namespace dwubit::testing
