// Activations of a forward pass, kept from one pass to the next.
#pragma once

#include "runtime/cpu/aligned_buffer.h"
#include "runtime/gemm/activations.h"

namespace dwubit {

struct ForwardBuffers {
    AlignedBuffer<float> residual;  // [rows, hidden]
    AlignedBuffer<float> queries;   // [rows, heads * head_dim]
    AlignedBuffer<float> keys;      // [rows, kv_heads * head_dim]
    AlignedBuffer<float> values;    // [rows, kv_heads * head_dim]
    AlignedBuffer<float> logits;    // [some rows, vocab]
    Activations normed;             // [rows, hidden]
    Activations attended;           // [rows, heads * head_dim]
    Activations mlp;                // [rows, intermediate]
    // Of linears with transforms, and of fused ones.
    Activations transformed;             // [rows, in]
    AlignedBuffer<float> untransformed;  // [rows, out]
    AlignedBuffer<float> gate;           // [rows, intermediate]
    AlignedBuffer<float> up;             // [rows, intermediate]
};

}  // namespace dwubit
