// The Viterbi encoder on the device (lab/kernels/viterbi.h). A block of threads takes tile after tile; a thread keeps
// the values of its 128 states in registers (of pairs, the second numbers in shared memory) and the costs of all nodes
// lie in shared memory as float16, two to a word: word g holds nodes g and g + half, whose predecessors are neighbours
// alike.
//
// No decisions are kept. Every kSegment steps the costs of all nodes go to memory, and the least one is subtracted, so
// that float16 stays fine. A segment is so short that the paths into one node form a tree: each node of its beginning
// that leads there does so in one way. Tracing back computes that tree alone, some 5 % of the segment's work, in the
// same arithmetic.
#include <algorithm>

#include "lab/kernels/viterbi_way_back.cuh"

namespace dwubit {
namespace {

template <int kShift, int kStepValues>
class Encoder {
    using T = Trellis<kShift, kStepValues>;
    using Shared = typename T::Shared;

public:
    // values: [V][2^16]; halves: the same as float16, rotated. checkpoints: [kSegments][kWords] of this block.
    __device__ Encoder(const float* values, const __half* halves, Shared& shared, __half2* checkpoints)
        : halves_(T::kKeepsValues ? shared.rotated : halves), shared_(shared), checkpoints_(checkpoints) {
        if constexpr (T::kKeepsValues) {
            for (int i = threadIdx.x; i < kStates; i += kThreads) shared_.rotated[i] = halves[i];
        }
        // From float32: where two float16 numbers are loaded, the compiler keeps each in a register of its own.
#pragma unroll
        for (int i = 0; i < kValues; ++i) {
            const int state = first_state(i);
            values_of_thread_[i] = __floats2half2_rn(values[state], values[state + T::kWords]);
            if constexpr (kStepValues == 2) {
                const float* const second = values + kStates;
                shared_.seconds[i][threadIdx.x] = __floats2half2_rn(second[state], second[state + T::kWords]);
            }
        }
    }

    __device__ void encode(const float* x, std::uint16_t* states) {
        constexpr int kHalf = T::kSteps / 2;
        __syncthreads();
        start(x, kHalf, -1);
        run(kHalf);
        find_best_node();
        trace_back(kHalf, -1);
        const int junction = shared_.states[kHalf] >> kShift;
        __syncthreads();
        start(x, 0, junction);
        run(0);
        trace_back(0, junction);
        for (int t = threadIdx.x; t < T::kSteps; t += kThreads) states[t] = shared_.states[t];
    }

private:
    // Value i of this thread is of this state and the one half the nodes further: i counts choices within nodes within
    // pairs of groups.
    __device__ static int first_state(int i) {
        constexpr int kHalf = T::kChoicesOfThread / 2;
        const int c = i % T::kChoicesOfThread;
        const int choice = first_choice() + c % kHalf + c / kHalf * (T::kChoices / 2);
        const int node = i / T::kChoicesOfThread % T::kPerThread;
        const int pair = i / T::kChoicesOfThread / T::kPerThread;
        return (group(pair) * T::kWordsOfPair + first_node() + node) | choice << T::kNodeBits;
    }
    __device__ static int first_choice() {
        return static_cast<int>(threadIdx.x) % T::kParts * (T::kChoicesOfThread / 2);
    }
    __device__ static int group(int pair) {
        const int thread = static_cast<int>(threadIdx.x) / T::kParts;
        return thread / T::kThreadsOfPair + pair * (kThreads / T::kParts / T::kThreadsOfPair);
    }
    __device__ static int first_node() {
        return static_cast<int>(threadIdx.x) / T::kParts % T::kThreadsOfPair * T::kPerThread;
    }

    // A pass over the sequence from step `first` on, around, from a node or from all.
    __device__ void start(const float* x, int first, int node) {
        for (int t = threadIdx.x; t < T::kSteps; t += kThreads) {
            const int from = (t + first) % T::kSteps * kStepValues;
#pragma unroll
            for (int v = 0; v < kStepValues; ++v) {
                shared_.inputs[v][t] = __float2half2_rn(fminf(fmaxf(x[from + v], -kMost), kMost));
            }
        }
        fill_costs<T>(shared_, node);
        if (threadIdx.x == 0) shared_.node = node;
        __syncthreads();
    }

    // All steps; the costs at the beginnings of segments that end behind step `needed` are kept. The last costs end up
    // in costs[kSteps % 2].
    __device__ void run(int needed) {
        for (int segment = 0; segment < T::kSegments; ++segment) {
            const int first = segment * T::kSegment;
            const int end = min(first + T::kSegment, T::kSteps);
            const bool keep = end < T::kSteps && end + T::kSegment > needed;
            __half2* const kept = keep ? checkpoints_ + (segment + 1) * T::kWords : nullptr;
            __half2 lower = __float2half2_rn(0.0f);
            if (segment > 0) lower = least_of_warps();
            if (threadIdx.x == 0) shared_.least[segment] = __low2half(lower);
            if constexpr (T::kSegment == 1) {
                take_step<true, true>(first, lower, kept);
            } else {
                take_step<true, false>(first, lower, nullptr);
                for (int step = first + 1; step < end - 1; ++step) {
                    __syncthreads();
                    take_step<false, false>(step, lower, nullptr);
                }
                __syncthreads();
                if (end - first > 1) take_step<false, true>(end - 1, lower, kept);
            }
            __syncthreads();
        }
    }

    // Candidate i of this thread after a step: a cost before it and the squared error of the state.
    __device__ __half2 with_error(int step, int i, __half2 x, __half2 cost) const {
        const __half2 off = __hsub2(values_of_thread_[i], x);
        __half2 sum = __hfma2(off, off, cost);
        if constexpr (kStepValues == 2) {
            const __half2 second = __hsub2(shared_.seconds[i][threadIdx.x], shared_.inputs[1][step]);
            sum = __hfma2(second, second, sum);
        }
        return sum;
    }

    // The costs after a step from those before it, which are lowered at the beginning of a segment; at its end they are
    // kept, and their least is found.
    template <bool kBegin, bool kEnd>
    __device__ void take_step(int step, __half2 lower, __half2* kept) {
        const __half2* const from = shared_.costs[step % 2];
        __half2* const to = shared_.costs[(step + 1) % 2];
        const __half2 x = shared_.inputs[0][step];
        __half2 least = __float2half2_rn(65504.0f);
#pragma unroll
        for (int pair = 0; pair < T::kPairs; ++pair) {
            const int u = group(pair);
            __half2 best[T::kPerThread];
#pragma unroll
            for (int c = 0; c < T::kChoicesOfThread / 2; ++c) {
                const int word = u + (first_choice() + c) * T::kGroups;
                const __half2 a = from[word];
                const __half2 b = T::kGroups > 1 ? from[word + T::kGroups / 2] : a;
                __half2 low = __lows2half2(a, b);
                __half2 high = __highs2half2(a, b);
                if constexpr (kBegin) {
                    low = __hsub2(low, lower);
                    high = __hsub2(high, lower);
                }
#pragma unroll
                for (int r = 0; r < T::kPerThread; ++r) {
                    const int i = (pair * T::kPerThread + r) * T::kChoicesOfThread + c;
                    const __half2 one = with_error(step, i, x, low);
                    const __half2 other = with_error(step, i + T::kChoicesOfThread / 2, x, high);
                    const __half2 less = __hmin2(one, other);
                    best[r] = c == 0 ? less : __hmin2(best[r], less);
                }
            }
#pragma unroll
            for (int r = 0; r < T::kPerThread; ++r) {
#pragma unroll
                for (int part = 1; part < T::kParts; part *= 2) {
                    best[r] = __hmin2(best[r], __shfl_xor_sync(kWholeWarp, best[r], part));
                }
                if constexpr (kEnd) least = __hmin2(least, best[r]);
            }
            const int word = u * T::kWordsOfPair + first_node();
            put(best, to + word);
            if (kEnd && kept != nullptr) put(best, kept + word);
        }
        if constexpr (kEnd) {
            for (int lane = 16; lane > 0; lane /= 2) least = __hmin2(least, __shfl_xor_sync(kWholeWarp, least, lane));
            if (threadIdx.x % 32 == 0) shared_.warp_least[threadIdx.x / 32] = least;
        }
    }

    __device__ __half2 least_of_warps() const {
        __half2 least = shared_.warp_least[0];
#pragma unroll
        for (int i = 1; i < kWarps; ++i) least = __hmin2(least, shared_.warp_least[i]);
        return __half2half2(__hmin(__low2half(least), __high2half(least)));
    }

    // The node of least cost after the last step, the first of equal ones.
    __device__ void find_best_node() {
        const auto* const costs = reinterpret_cast<const __half*>(shared_.costs[T::kSteps % 2]);
        unsigned best = ~0U;
        for (int g = threadIdx.x; g < T::kNodes; g += kThreads) best = min(best, key(costs[place<T>(g)], g));
        best = __reduce_min_sync(kWholeWarp, best);
        if (threadIdx.x % 32 == 0) shared_.warp_best[threadIdx.x / 32] = best;
        __syncthreads();
        if (threadIdx.x == 0) {
            for (int i = 1; i < kWarps; ++i) best = min(best, shared_.warp_best[i]);
            shared_.node = static_cast<int>(best & 0xffff);
        }
        __syncthreads();
    }

    // The states from the node at the end back to step `last`. `start`: the node that the pass began with.
    __device__ void trace_back(int last, int start) {
        const Tracer<kShift, kStepValues> tracer(halves_, shared_, checkpoints_);
        fetch_costs(tracer, T::kSegments - 1, start);
#pragma unroll 1
        for (int segment = T::kSegments - 1; segment >= 0; --segment) {
            const int first = segment * T::kSegment;
            const int end = min(first + T::kSegment, T::kSteps);
            if (end <= last) break;
            if (T::kParts == 1 && end - first == T::kSegment) {
                first_level(segment, first);
            } else {
                make_leaves(tracer, segment, first, end - first);
            }
            __syncthreads();
            grow(tracer, segment, first, end - first, start);
        }
    }

    // The first level of a whole segment's way back, as take_step() has it, of those nodes alone whose last choice
    // leads to the end.
    __device__ void first_level(int segment, int step) {
        constexpr int kFree = (T::kSegment - 1) * kShift;
        const int tail = shared_.node >> kFree;  // what the nodes have in common: their last choice, and maybe more
        const int mine = (tail & (T::kChoices - 1)) - first_node();
        if (mine < 0 || mine >= T::kPerThread) return;
        const __half2 lower = __half2half2(shared_.least[segment]);
        const __half2 x = shared_.inputs[0][step];
#pragma unroll
        for (int r = 0; r < T::kPerThread; ++r) {
            if (r != mine) continue;
#pragma unroll
            for (int pair = 0; pair < T::kPairs; ++pair) {
                const int u = group(pair);
                __half2 best = __half2half2(__ushort_as_half(kInfinity));
                unsigned chosen = 0;
#pragma unroll
                for (int c = 0; c < T::kChoices; ++c) {
                    const int word = u + c % (T::kChoices / 2) * T::kGroups;
                    const __half2 a = shared_.costs[0][word];
                    const __half2 b = shared_.costs[0][word + T::kGroups / 2];
                    const __half2 before = c < T::kChoices / 2 ? __lows2half2(a, b) : __highs2half2(a, b);
                    const int i = (pair * T::kPerThread + r) * T::kChoicesOfThread + c;
                    const __half2 cost = with_error(step, i % kValues, x, __hsub2(before, lower));
                    const unsigned less = __hlt2_mask(cost, best);
                    best = __hmin2(best, cost);
                    chosen = (chosen & ~less) | (static_cast<unsigned>(c) * 0x10001U & less);
                }
                put_leaf(u, tail, __low2half(best), static_cast<int>(chosen & 0xffff));
                put_leaf(u + T::kGroups / 2, tail, __high2half(best), static_cast<int>(chosen >> 16));
            }
        }
    }
    __device__ void put_leaf(int u, int tail, __half cost, int chosen) {
        constexpr int kFree = (T::kSegment - 1) * kShift;
        constexpr int kTail = T::kNodeBits - kFree;  // bits of `tail`
        const int node = u << kShift | (tail & (T::kChoices - 1));
        if ((node & ((1 << kTail) - 1)) != tail) return;
        const int w = node >> kTail;
        keys<T>(shared_, 1)[w] = key(cost, chosen << kFree | w);
    }

    const __half* halves_;
    Shared& shared_;
    __half2* checkpoints_;
    __half2 values_of_thread_[kValues];
};

template <int kShift, int kStepValues>
__global__ __launch_bounds__(kThreads, 1) void encode_tiles(const float* values, const __half* halves, const float* x,
                                                            std::int64_t tiles, std::uint16_t* states,
                                                            __half2* checkpoints) {
    using T = Trellis<kShift, kStepValues>;
    extern __shared__ __align__(16) unsigned char memory[];
    Encoder<kShift, kStepValues> encoder(
        values, halves, *reinterpret_cast<typename T::Shared*>(memory),
        checkpoints + static_cast<std::int64_t>(blockIdx.x) * T::kSegments * T::kWords);
    for (std::int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        encoder.encode(x + tile * kViterbiTile, states + tile * T::kSteps);
    }
}

__global__ void convert_values(const float* values, int count, __half* halves) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= static_cast<unsigned>(count)) return;
    halves[(i & ~(kStates - 1U)) + rotated(static_cast<int>(i & (kStates - 1U)))] = __float2half_rn(values[i]);
}

int multiprocessors() {
    int device = 0;
    int count = 0;
    if (cudaGetDevice(&device) != cudaSuccess) return 0;
    if (cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device) != cudaSuccess) return 0;
    return count;
}

template <int kShift, int kStepValues>
struct Launch {
    using T = Trellis<kShift, kStepValues>;

    static std::size_t checkpoint_bytes() { return sizeof(__half2) * T::kSegments * T::kWords; }

    static const char* run(const float* values, const float* x, std::int64_t tiles, std::uint16_t* states,
                           void* workspace, cudaStream_t stream) {
        constexpr int kConvert = 256;
        auto* const halves = static_cast<__half*>(workspace);
        auto* const checkpoints = reinterpret_cast<__half2*>(static_cast<unsigned char*>(workspace) + kValueBytes);
        const auto kernel = encode_tiles<kShift, kStepValues>;
        constexpr int kBytes = sizeof(typename T::Shared);
        cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
        if (error != cudaSuccess) return cudaGetErrorString(error);
        convert_values<<<kStepValues * kStates / kConvert, kConvert, 0, stream>>>(values, kStepValues * kStates,
                                                                                  halves);
        const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(tiles, multiprocessors()));
        kernel<<<blocks, kThreads, kBytes, stream>>>(values, halves, x, tiles, states, checkpoints);
        error = cudaGetLastError();
        return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
    }
};

// Calls use(Launch<...>) of the trellis.
template <class Use>
auto with_trellis(int bits, int step_values, const Use& use) {
    if (step_values == 2) {
        if (bits == 1) return use(Launch<2, 2>());
        if (bits == 2) return use(Launch<4, 2>());
        if (bits == 3) return use(Launch<6, 2>());
        return use(Launch<8, 2>());
    }
    if (bits == 1) return use(Launch<1, 1>());
    if (bits == 2) return use(Launch<2, 1>());
    if (bits == 3) return use(Launch<3, 1>());
    return use(Launch<4, 1>());
}

}  // namespace

std::size_t viterbi_workspace_bytes(int bits, int step_values) {
    const std::size_t each = with_trellis(bits, step_values, [](auto launch) { return launch.checkpoint_bytes(); });
    return kValueBytes + each * static_cast<std::size_t>(multiprocessors());
}

const char* viterbi_encode_cuda(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles,
                                std::uint16_t* states, void* workspace, void* stream) {
    if (tiles == 0) return nullptr;
    return with_trellis(trellis.bits, trellis.step_values, [&](auto launch) {
        return launch.run(trellis.values, x, tiles, states, workspace, static_cast<cudaStream_t>(stream));
    });
}

}  // namespace dwubit
