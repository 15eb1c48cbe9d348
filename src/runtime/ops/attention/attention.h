// Causal attention of a block of new positions over a cache of keys and values (Vaswani et al. 2017, section 3.2.1;
// grouped heads: Ainslie et al. 2023). Scores are never held for more than a tile: the softmax runs over key blocks
// (Milakov and Gimelshein 2018; Dao et al. 2022).
#pragma once

#include <cstdint>

#include "base/span.h"
#include "base/thread_pool.h"
#include "runtime/gemm/activations.h"
#include "runtime/gemm/gemm.h"
#include "runtime/ops/attention/kv_type.h"

namespace dwubit {

struct AttentionShape {
    std::int64_t heads = 0;
    std::int64_t kv_heads = 0;  // divides heads; head h reads kv head h / (heads / kv_heads)
    std::int64_t head_dim = 0;
};

// One layer's cache, in elements of `type`. Key of kv head g at position p: keys + (g * capacity + p) * head_dim;
// values alike. kInt8 has a scale for each of these vectors, at g * capacity + p.
struct KvView {
    const void* keys = nullptr;
    const void* values = nullptr;
    std::int64_t capacity = 0;  // positions allocated per head
    KvType type = KvType::kF32;
    const float* key_scales = nullptr;
    const float* value_scales = nullptr;
};

// q: [rows, heads * head_dim], rows at positions first_position + r, whose keys and values are in the cache already.
// out: prepared with the shape of q. out[r] = softmax(q k^T / sqrt(head_dim)) v over positions <= first_position + r.
// With kBf16 and enough rows for it to pay, the factors of both products are rounded to bf16; the softmax and all sums
// stay float32.
void attention(const AttentionShape& shape, MatrixView<const float> q, const KvView& cache, std::int64_t first_position,
               GemmType type, Activations& out, ThreadPool& pool);

// The same, by the definition, in double, of a float32 cache.
void attention_ref(const AttentionShape& shape, MatrixView<const float> q, const KvView& cache,
                   std::int64_t first_position, MatrixView<float> out);

}  // namespace dwubit
