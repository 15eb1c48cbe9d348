// Vectors of a KV cache, to and from float32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/cpu/aligned_buffer.h"
#include "runtime/ops/attention/attention.h"

namespace dwubit {

// `count` vectors of a kv head from position `first` on, [count, dim] in float32 without gaps: those of the cache
// itself where they are float32, else in `room`.
const float* key_rows(const KvView& cache, std::int64_t kv_head, std::int64_t first, std::int64_t count,
                      std::int64_t dim, AlignedBuffer<float>& room);
const float* value_rows(const KvView& cache, std::int64_t kv_head, std::int64_t first, std::int64_t count,
                        std::int64_t dim, AlignedBuffer<float>& room);

// Stores `dim` float32 values in `type`; kInt8 writes *scale too, the others leave it.
void store_kv(KvType type, const float* x, std::int64_t dim, std::byte* out, float* scale);

}  // namespace dwubit
