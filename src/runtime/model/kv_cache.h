// Keys and values of the positions seen so far, per layer, and the rotary table up to them.
#pragma once

#include <cstddef>
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
    // Room for `capacity` positions: 2 * layers * kv_heads vectors of head_dim each. OutOfMemory names it.
    static Result<KvCache> create(const ModelConfig& config, std::int64_t capacity, KvType type = KvType::kF32);

    KvType type() const { return type_; }
    std::int64_t capacity() const { return capacity_; }
    std::int64_t length() const { return length_; }
    // Forgets the positions from `length` on; 0 empties the cache.
    void truncate(std::int64_t length);

    KvView view(std::int64_t layer) const;
    // Keys and values of all kv heads at one position, [kv_heads * head_dim] each.
    void write(std::int64_t layer, std::int64_t position, const float* keys, const float* values);
    // Takes over the first `length` positions of another cache of this model and type; there must be room.
    void copy_from(const KvCache& other, std::int64_t length);

    // For the forward pass: `count` positions have been written in every layer.
    void advance(std::int64_t count);
    RopeTable& rope() { return rope_; }

    // Activations of a pass, kept from one to the next.
    ForwardBuffers& buffers() { return buffers_; }

private:
    // The number of a vector.
    std::int64_t place(std::int64_t layer, std::int64_t kv_head, std::int64_t position) const {
        return (layer * kv_heads_ + kv_head) * capacity_ + position;
    }
    // Of keys or values: vectors [layer, kv_head, capacity, head_dim], and for kInt8 scales [layer, kv_head, capacity].
    struct Part {
        AlignedBuffer<std::byte> vectors;
        AlignedBuffer<float> scales;
    };
    void write(Part& part, std::int64_t place, const float* x) const;
    void copy(const Part& from, std::int64_t from_place, Part& to, std::int64_t to_place, std::int64_t count) const;

    std::int64_t layers_ = 0;
    std::int64_t kv_heads_ = 0;
    std::int64_t head_dim_ = 0;
    std::int64_t capacity_ = 0;
    std::int64_t length_ = 0;
    KvType type_ = KvType::kF32;
    std::int64_t vector_bytes_ = 0;  // without its scale
    Part keys_;
    Part values_;
    RopeTable rope_;
    ForwardBuffers buffers_;
};

}  // namespace dwubit
