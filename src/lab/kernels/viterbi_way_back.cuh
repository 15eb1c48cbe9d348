// The way back of the Viterbi encoder on the device: from the costs that a pass kept to the states of its path.
#pragma once

#include <cuda_pipeline.h>

#include "lab/kernels/viterbi_cuda.cuh"

namespace dwubit {
namespace {

// The way back through what a pass left behind; for all threads of a block. It stays out of the way of the steps, which
// need all registers.
template <int kShift, int kStepValues>
class Tracer {
    using T = Trellis<kShift, kStepValues>;
    using Shared = typename T::Shared;

public:
    __device__ Tracer(const __half* values, Shared& shared, const __half2* checkpoints)
        : values_(values), shared_(shared), checkpoints_(checkpoints) {}

    // The costs at a segment's beginning, on their way into costs[0].
    __device__ void fetch_costs(int segment, int start) {
        if (segment == 0) fill_costs<T>(shared_, start);
        if (segment <= 0) return;
        constexpr int kBytes = 16;
        auto* const to = reinterpret_cast<unsigned char*>(shared_.costs[0]);
        const auto* const from = reinterpret_cast<const unsigned char*>(checkpoints_ + segment * T::kWords);
        for (int i = threadIdx.x * kBytes; i < static_cast<int>(sizeof(shared_.costs[0])); i += kThreads * kBytes) {
            __pipeline_memcpy_async(to + i, from + i, kBytes);
        }
        __pipeline_commit();
    }

    // Level l of a segment's tree has the nodes after its l-th step that lead to the node at its end: node w of them is
    // end >> free | w << (bits - free), where `free` bits are given by the steps to come. A path is the number of the
    // node it begins with, a leaf; its lower bits are the numbers on the way. This is the first level.
    __device__ void make_leaves(int segment, int first, int steps) {
        const int end = shared_.node;
        const int free = (steps - 1) * kShift;
        for (int w = threadIdx.x; w < 1 << free; w += kThreads) leaf_level(end, segment, first, free, w);
    }

    // The levels after the first, and the states.
    __device__ void grow(int segment, int first, int steps, int start) {
        const int end = shared_.node;
        fetch_costs(segment - 1, start);
        int level = 2;
#pragma unroll 1
        for (; level <= steps && 1 << ((steps - level) * kShift) > 32; ++level) {
            const int free = (steps - level) * kShift;
#pragma unroll 2
            for (int w = threadIdx.x; w < 1 << free; w += kThreads) inner_level(end, first, level, free, w);
            __syncthreads();
        }
#pragma unroll 1
        for (; level <= steps && threadIdx.x < 32; ++level) {  // few are left: one warp does not wait for the others
            const int free = (steps - level) * kShift;
            if (threadIdx.x < 1 << free) inner_level(end, first, level, free, threadIdx.x);
            __syncwarp();
        }
        if (threadIdx.x < steps) {
            const int leaf = static_cast<int>(keys<T>(shared_, steps)[0] & 0xffff);
            const int free = (steps - 1 - static_cast<int>(threadIdx.x)) * kShift;
            const int state = end >> free | (leaf & ((1 << (free + kShift)) - 1)) << (T::kNodeBits - free);
            shared_.states[first + threadIdx.x] = static_cast<std::uint16_t>(state);
            if (threadIdx.x == 0) shared_.node = state >> kShift;
        }
        __pipeline_wait_prior(0);
        __syncthreads();
    }

private:
    __device__ __half error_of(int step, int state, __half cost) const {
#pragma unroll
        for (int v = 0; v < kStepValues; ++v) {
            const __half off = __hsub(values_[v * kStates + rotated(state)], __low2half(shared_.inputs[v][step]));
            cost = __hfma(off, off, cost);
        }
        return cost;
    }

    // The first level, of leaves.
    __device__ void leaf_level(int end, int segment, int step, int free, int w) {
        const int after = end >> free | w << (T::kNodeBits - free);
        const auto* const costs = reinterpret_cast<const __half*>(shared_.costs[0]);
        unsigned best = ~0U;
#pragma unroll 4
        for (int c = 0; c < T::kChoices; ++c) {
            const int state = after | c << T::kNodeBits;
            const __half before = __hsub(costs[place<T>(state >> kShift)], shared_.least[segment]);
            best = min(best, key(error_of(step, state, before), c << free | w));
        }
        keys<T>(shared_, 1)[w] = best;
    }

    __device__ void inner_level(int end, int first, int level, int free, int w) {
        const int after = end >> free | w << (T::kNodeBits - free);
        const unsigned* const from = keys<T>(shared_, level - 1);
        unsigned best = ~0U;
#pragma unroll 4
        for (int c = 0; c < T::kChoices; ++c) {
            const unsigned before = from[c << free | w];
            const __half cost = error_of(first + level - 1, after | c << T::kNodeBits, cost_of(before));
            best = min(best, key(cost, static_cast<int>(before & 0xffff)));
        }
        keys<T>(shared_, level)[w] = best;
    }

    const __half* values_;
    Shared& shared_;
    const __half2* checkpoints_;
};

// Calls, so that registers of the steps are put away meanwhile.
template <int kShift, int kStepValues>
__device__ __noinline__ void fetch_costs(Tracer<kShift, kStepValues> tracer, int segment, int start) {
    tracer.fetch_costs(segment, start);
    __pipeline_wait_prior(0);
    __syncthreads();
}
template <int kShift, int kStepValues>
__device__ __noinline__ void make_leaves(Tracer<kShift, kStepValues> tracer, int segment, int first, int steps) {
    tracer.make_leaves(segment, first, steps);
}
template <int kShift, int kStepValues>
__device__ __noinline__ void grow(Tracer<kShift, kStepValues> tracer, int segment, int first, int steps, int start) {
    tracer.grow(segment, first, steps, start);
}

}  // namespace
}  // namespace dwubit
