// Keys and values of the positions seen so far, per layer, and the rotary table up to them.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/cpu/aligned_buffer.h"
#include "runtime/model/config.h"
#include "runtime/model/forward_buffers.h"
#include "runtime/ops/attention/attention.h"
#include "runtime/ops/rope/rope.h"

namespace dwubit {

class KvCache {
public:
    // Room for `capacity` positions in float32: 2 * layers * kv_heads * head_dim * 4 bytes each. OutOfMemory names it.
    static Result<KvCache> create(const ModelConfig& config, std::int64_t capacity);

    std::int64_t capacity() const { return capacity_; }
    std::int64_t length() const { return length_; }
    // Forgets the positions from `length` on; 0 empties the cache.
    void truncate(std::int64_t length);

    KvView view(std::int64_t layer) const;
    // Keys and values of all kv heads at one position, [kv_heads * head_dim] each.
    void write(std::int64_t layer, std::int64_t position, const float* keys, const float* values);
    // Takes over the first `length` positions of another cache of this model; there must be room.
    void copy_from(const KvCache& other, std::int64_t length);

    // For the forward pass: `count` positions have been written in every layer.
    void advance(std::int64_t count);
    RopeTable& rope() { return rope_; }

    // Activations of a pass, kept from one to the next.
    ForwardBuffers& buffers() { return buffers_; }

private:
    std::int64_t offset(std::int64_t layer, std::int64_t kv_head, std::int64_t position) const {
        return ((layer * kv_heads_ + kv_head) * capacity_ + position) * head_dim_;
    }

    std::int64_t layers_ = 0;
    std::int64_t kv_heads_ = 0;
    std::int64_t head_dim_ = 0;
    std::int64_t capacity_ = 0;
    std::int64_t length_ = 0;
    AlignedBuffer<float> keys_;    // [layer, kv_head, capacity, head_dim]
    AlignedBuffer<float> values_;  // the same
    RopeTable rope_;
    ForwardBuffers buffers_;
};

}  // namespace dwubit
