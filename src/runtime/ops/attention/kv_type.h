// What keys and values of the cache are stored as.
#pragma once

#include <cstdint>
#include <string_view>

#include "dwubit/result.h"

namespace dwubit {

// kInt8: a vector of a head at a position is its largest magnitude / 127 (float32) times 8-bit integers.
enum class KvType { kF32, kBf16, kF16, kInt8 };

// "f32", "bf16", "f16", "int8"
std::string_view kv_type_name(KvType type);
Result<KvType> kv_type_from_name(std::string_view name);

// Bytes of a vector of `dim` elements, its scale included.
std::int64_t kv_vector_bytes(KvType type, std::int64_t dim);

}  // namespace dwubit
