#include "runtime/model/kv_cache.h"

#include <algorithm>
#include <new>

#include "base/check.h"
#include "base/error.h"

namespace dwubit {

Result<KvCache> KvCache::create(const ModelConfig& config, std::int64_t capacity) {
    DWUBIT_CHECK(capacity >= 1);
    KvCache cache;
    cache.layers_ = config.layers;
    cache.kv_heads_ = config.kv_heads;
    cache.head_dim_ = config.head_dim;
    cache.capacity_ = capacity;
    cache.rope_ = RopeTable(rope_inverse_frequencies(config.rope, config.head_dim));
    std::int64_t elements = 0;
    const bool fits = element_count({config.layers, config.kv_heads, capacity, config.head_dim}, &elements) &&
                      elements < (std::int64_t{1} << 60);
    try {
        if (!fits) throw std::bad_alloc();
        cache.keys_.reserve(static_cast<std::size_t>(elements));
        cache.values_.reserve(static_cast<std::size_t>(elements));
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
    return {keys_.data() + offset(layer, 0, 0), values_.data() + offset(layer, 0, 0), capacity_};
}

void KvCache::write(std::int64_t layer, std::int64_t position, const float* keys, const float* values) {
    for (std::int64_t g = 0; g < kv_heads_; ++g) {
        std::copy_n(keys + g * head_dim_, head_dim_, keys_.data() + offset(layer, g, position));
        std::copy_n(values + g * head_dim_, head_dim_, values_.data() + offset(layer, g, position));
    }
}

void KvCache::copy_from(const KvCache& other, std::int64_t length) {
    DWUBIT_CHECK(length <= other.length_ && length <= capacity_);
    const std::int64_t count = length * head_dim_;
    for (std::int64_t layer = 0; layer < layers_; ++layer) {
        for (std::int64_t g = 0; g < kv_heads_; ++g) {
            std::copy_n(other.keys_.data() + other.offset(layer, g, 0), count, keys_.data() + offset(layer, g, 0));
            std::copy_n(other.values_.data() + other.offset(layer, g, 0), count, values_.data() + offset(layer, g, 0));
        }
    }
    length_ = length;
}

void KvCache::advance(std::int64_t count) {
    DWUBIT_CHECK(count >= 0 && length_ + count <= capacity_);
    length_ += count;
}

}  // namespace dwubit
