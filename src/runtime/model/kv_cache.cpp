#include "runtime/model/kv_cache.h"

#include <algorithm>
#include <new>

#include "base/check.h"
#include "base/error.h"
#include "runtime/ops/attention/kv_rows.h"

namespace dwubit {

Result<KvCache> KvCache::create(const ModelConfig& config, std::int64_t capacity, KvType type) {
    DWUBIT_CHECK(capacity >= 1);
    KvCache cache;
    cache.layers_ = config.layers;
    cache.kv_heads_ = config.kv_heads;
    cache.head_dim_ = config.head_dim;
    cache.capacity_ = capacity;
    cache.type_ = type;
    cache.vector_bytes_ = kv_vector_bytes(type, config.head_dim) - kv_vector_bytes(type, 0);
    cache.rope_ = RopeTable(rope_inverse_frequencies(config.rope, config.head_dim));
    std::int64_t vectors = 0;
    std::int64_t elements = 0;
    const bool fits = element_count({config.layers, config.kv_heads, capacity}, &vectors) &&
                      element_count({vectors, config.head_dim}, &elements) && elements < (std::int64_t{1} << 60);
    try {
        if (!fits) throw std::bad_alloc();
        for (Part* const part : {&cache.keys_, &cache.values_}) {
            part->vectors.reserve(static_cast<std::size_t>(vectors * cache.vector_bytes_));
            if (type == KvType::kInt8) part->scales.reserve(static_cast<std::size_t>(vectors));
        }
    } catch (const std::bad_alloc&) {
        return errorf(ErrorKind::kOutOfMemory, "a KV cache of {} positions does not fit into memory", capacity)
            .with_hint("use a shorter context");
    }
    return cache;
}

void KvCache::truncate(std::int64_t length) {
    DWUBIT_CHECK(length >= 0 && length <= length_);
    length_ = length;
}

KvView KvCache::view(std::int64_t layer) const {
    const std::int64_t first = place(layer, 0, 0);
    const bool scaled = type_ == KvType::kInt8;
    return {keys_.vectors.data() + first * vector_bytes_,
            values_.vectors.data() + first * vector_bytes_,
            capacity_,
            type_,
            scaled ? keys_.scales.data() + first : nullptr,
            scaled ? values_.scales.data() + first : nullptr};
}

void KvCache::write(Part& part, std::int64_t place, const float* x) const {
    float* const scale = type_ == KvType::kInt8 ? part.scales.data() + place : nullptr;
    store_kv(type_, x, head_dim_, part.vectors.data() + place * vector_bytes_, scale);
}

void KvCache::write(std::int64_t layer, std::int64_t position, const float* keys, const float* values) {
    for (std::int64_t g = 0; g < kv_heads_; ++g) {
        write(keys_, place(layer, g, position), keys + g * head_dim_);
        write(values_, place(layer, g, position), values + g * head_dim_);
    }
}

void KvCache::copy(const Part& from, std::int64_t from_place, Part& to, std::int64_t to_place,
                   std::int64_t count) const {
    std::copy_n(from.vectors.data() + from_place * vector_bytes_, count * vector_bytes_,
                to.vectors.data() + to_place * vector_bytes_);
    if (type_ == KvType::kInt8) std::copy_n(from.scales.data() + from_place, count, to.scales.data() + to_place);
}

void KvCache::copy_from(const KvCache& other, std::int64_t length) {
    DWUBIT_CHECK(length <= other.length_ && length <= capacity_ && other.type_ == type_);
    for (std::int64_t layer = 0; layer < layers_; ++layer) {
        for (std::int64_t g = 0; g < kv_heads_; ++g) {
            copy(other.keys_, other.place(layer, g, 0), keys_, place(layer, g, 0), length);
            copy(other.values_, other.place(layer, g, 0), values_, place(layer, g, 0), length);
        }
    }
    length_ = length;
}

void KvCache::advance(std::int64_t count) {
    DWUBIT_CHECK(count >= 0 && length_ + count <= capacity_);
    length_ += count;
}

}  // namespace dwubit
