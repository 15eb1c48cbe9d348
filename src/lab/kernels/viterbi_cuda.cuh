// What the parts of the Viterbi encoder on the device share: the shape of a trellis, and what lies in shared memory.
#pragma once

#include <cuda_fp16.h>

#include <cstddef>
#include <cstdint>

#include "lab/kernels/viterbi.h"

namespace dwubit {
namespace {

constexpr int kThreads = 512;
constexpr int kWarps = kThreads / 32;
constexpr int kStates = 1 << 16;
constexpr int kValues = kStates / kThreads / 2;  // half2 of a thread: 64
constexpr unsigned kWholeWarp = 0xffffffffU;
constexpr float kMost = 8;                    // numbers beyond count as this
constexpr unsigned short kInfinity = 0x7c00;  // bits of a float16
constexpr std::size_t kValueBytes = 2 * kStates * sizeof(__half);

// The shape of a trellis that takes kShift new bits per step.
template <int kShift, int kStepValues>
struct Trellis {
    static constexpr int kNodeBits = 16 - kShift;
    static constexpr int kNodes = 1 << kNodeBits;
    static constexpr int kWords = kNodes / 2;
    static constexpr int kChoices = 1 << kShift;       // predecessors of a node, and nodes that share them
    static constexpr int kGroups = kNodes / kChoices;  // of nodes that share predecessors
    static constexpr int kSteps = kViterbiTile / kStepValues;
    static constexpr bool kKeepsValues = kStepValues == 1 && kShift > 1;  // there is room for them in shared memory
    static constexpr int kSegment = kNodeBits / kShift;
    static constexpr int kSegments = (kSteps + kSegment - 1) / kSegment;
    // A thread takes kPerThread neighbouring nodes in each of kPairs pairs of groups, and of their choices every
    // kParts-th part. A pair is two groups, or the halves of the only one.
    static constexpr int kGroupPairs = kGroups > 1 ? kGroups / 2 : 1;
    static constexpr int kWordsOfPair = kWords / kGroupPairs;
    static constexpr int kParts = kWords < kThreads ? kThreads / kWords : 1;
    static constexpr int kThreadsOfPair = kThreads / kParts > kGroupPairs ? kThreads / kParts / kGroupPairs : 1;
    static constexpr int kPairs = kGroupPairs * kThreadsOfPair * kParts / kThreads;
    static constexpr int kPerThread = kWordsOfPair / kThreadsOfPair;
    static constexpr int kChoicesOfThread = kChoices / kParts;
    static_assert(kPairs * kPerThread * kChoicesOfThread == kValues);

    struct Shared {
        alignas(16) __half2 costs[2][kWords];
        __half2 inputs[kStepValues][kSteps];  // each twice
        __half2 warp_least[kWarps];
        unsigned warp_best[kWarps];
        __half least[kSegments];  // what a segment's beginning is lowered by
        std::uint16_t states[kSteps];
        int node;
        // Second numbers of pairs, in the order in which threads read them: value `index` of thread t at [index][t].
        __half2 seconds[kStepValues == 2 ? kValues : 1][kStepValues == 2 ? kThreads : 1];
        __half rotated[kKeepsValues ? kStates : 8];  // the values for the way back
    };
};

// Where the way back finds the value of a state: the nodes of a level have their lower bits in common, so that
// neighbours lie near each other when these come first.
__device__ int rotated(int state) {
    constexpr int kBits = 6;
    return state >> kBits | (state & ((1 << kBits) - 1)) << (16 - kBits);
}

__device__ unsigned bits_of(__half2 words) {
    return *reinterpret_cast<const unsigned*>(&words);
}

// Of a node among the halves of the words of costs.
template <class T>
__device__ int place(int node) {
    return node % T::kWords * 2 + node / T::kWords;
}

// Costs of the nodes before the first step: all alike, or one node alone.
template <class T>
__device__ void fill_costs(typename T::Shared& shared, int node) {
    auto* const costs = reinterpret_cast<__half*>(shared.costs[0]);
    for (int g = threadIdx.x; g < T::kNodes; g += kThreads) {
        costs[place<T>(g)] = node < 0 || g == node ? __half(0.0f) : __ushort_as_half(kInfinity);
    }
}

// A cost before what it belongs to: the least key is that of the least cost. Costs are not negative, so their bits
// are ordered as they are.
__device__ unsigned key(__half cost, int what) {
    return static_cast<unsigned>(__half_as_ushort(cost)) << 16 | static_cast<unsigned>(what);
}
__device__ __half cost_of(unsigned key) {
    return __ushort_as_half(static_cast<unsigned short>(key >> 16));
}

// Keys of a level of the way back: odd ones in the first half of costs[1], even ones behind.
template <class T>
__device__ unsigned* keys(typename T::Shared& shared, int level) {
    return reinterpret_cast<unsigned*>(shared.costs[1]) + (level % 2 == 1 ? 0 : T::kWords / 2);
}

// Neighbouring words, four at a time where there are as many.
template <int kCount>
__device__ void put(const __half2 (&words)[kCount], __half2* to) {
    if constexpr (kCount % 4 == 0) {
#pragma unroll
        for (int i = 0; i < kCount; i += 4) {
            *reinterpret_cast<uint4*>(to + i) =
                make_uint4(bits_of(words[i]), bits_of(words[i + 1]), bits_of(words[i + 2]), bits_of(words[i + 3]));
        }
    } else {
#pragma unroll
        for (int i = 0; i < kCount; ++i) to[i] = words[i];
    }
}

}  // namespace
}  // namespace dwubit
