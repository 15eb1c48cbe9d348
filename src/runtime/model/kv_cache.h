// Keys and values of the positions seen so far, per layer, and the rotary table up to them.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/cpu/aligned_buffer.h"
#include "runtime/gemm/activations.h"
#include "runtime/model/config.h"
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
    // The place of one position's key or value of a kv head, [head_dim].
    float* key(std::int64_t layer, std::int64_t kv_head, std::int64_t position);
    float* value(std::int64_t layer, std::int64_t kv_head, std::int64_t position);

    // For the forward pass: `count` positions have been written in every layer.
    void advance(std::int64_t count);
    RopeTable& rope() { return rope_; }

    // Activations of a pass, kept from one to the next.
    struct Buffers {
        AlignedBuffer<float> residual;  // [rows, hidden]
        AlignedBuffer<float> queries;   // [rows, heads * head_dim]
        AlignedBuffer<float> keys;      // [rows, kv_heads * head_dim]
        AlignedBuffer<float> values;    // [rows, kv_heads * head_dim]
        AlignedBuffer<float> logits;    // [some rows, vocab]
        Activations normed;             // [rows, hidden]
        Activations attended;           // [rows, heads * head_dim]
        Activations mlp;                // [rows, intermediate]
    };
    Buffers& buffers() { return buffers_; }

private:
    std::int64_t offset(std::int64_t layer, std::int64_t kv_head, std::int64_t position) const {
        return ((layer * kv_heads_ + kv_head) * capacity_ + position) * head_dim_;
    }

    std::int64_t kv_heads_ = 0;
    std::int64_t head_dim_ = 0;
    std::int64_t capacity_ = 0;
    std::int64_t length_ = 0;
    AlignedBuffer<float> keys_;    // [layer, kv_head, capacity, head_dim]
    AlignedBuffer<float> values_;  // the same
    RopeTable rope_;
    Buffers buffers_;
};

}  // namespace dwubit
