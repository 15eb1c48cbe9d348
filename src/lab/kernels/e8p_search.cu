// The search on the device. A thread decodes its vector in the lattice (kernels/e8p_search.h); what the table must
// decide is then searched by the whole warp, 32 points at a time, one vector after the other.
#include "lab/kernels/e8p_search.h"

namespace dwubit {
namespace {

constexpr int kThreads = 128;
constexpr unsigned kWholeWarp = 0xffffffffU;

// A vector against one of the two shifted halves of the codebook.
struct Half {
    float y[8];      // x shifted
    float point[8];  // the nearest point of the whole lattice; of D^8 where row >= 0
    float distance;  // squared, to it
    int row;         // of the point; -1: not in D^8
};

__device__ void nearest_in_lattice(const E8pSearchTable& table, const float (&x)[8], float shift, Half& half) {
    float worst = 0;
    int which = 0;
    int parity = 0;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        half.y[i] = x[i] + shift;
        const float y = fminf(fmaxf(half.y[i], -8.0f), 8.0f);  // beyond 8 no row reaches
        const float below = floorf(y);
        half.point[i] = below + 0.5f;
        const float off = fabsf(y - half.point[i]);
        parity += static_cast<int>(below);
        which = off > worst ? i : which;
        worst = fmaxf(worst, off);
    }
    int pattern = 0;
    bool far = false;
    half.distance = 0;
#pragma unroll
    for (int i = 7; i >= 0; --i) {
        if ((parity & 1) != 0 && which == i) half.point[i] += half.y[i] < half.point[i] ? -1.0f : 1.0f;
        const float off = half.y[i] - half.point[i];
        half.distance += off * off;
        const float size = fabsf(half.point[i]);
        far |= size > 3.0f;
        pattern = 3 * pattern + static_cast<int>(size);
    }
    half.row = far ? -1 : table.pattern_row[pattern];
}

// The nearest point of D^8 for the half of lane `owner`, found by all lanes; all of the warp must come here.
__device__ void search_table(const E8pSearchTable& table, int owner, Half& half) {
    const int lane = static_cast<int>(threadIdx.x) & 31;
    float folded[8];
    float sign[8];
    bool odd = false;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        const float y = __shfl_sync(kWholeWarp, half.y[i], owner);
        sign[i] = y < 0 ? -1.0f : 1.0f;
        odd ^= y < 0;
        folded[i] = fabsf(y);
    }
    if (odd) {
        sign[7] = -sign[7];
        folded[7] = -folded[7];
    }
    float highest = -INFINITY;
    int best = 0;
    for (int g = lane; g < kE8pPoints; g += 32) {
        float score = __ldg(table.bias + g);
#pragma unroll
        for (int i = 0; i < 8; ++i) score = fmaf(folded[i], __ldg(table.point[i] + g), score);
        if (score > highest) {
            highest = score;
            best = g;
        }
    }
    for (int step = 16; step > 0; step >>= 1) {
        const float other = __shfl_xor_sync(kWholeWarp, highest, step);
        const int point = __shfl_xor_sync(kWholeWarp, best, step);
        if (other > highest || (other == highest && point < best)) {
            highest = other;
            best = point;
        }
    }
    if (lane != owner) return;
    half.distance = 0;
    half.row = table.row[best];
#pragma unroll
    for (int i = 7; i >= 0; --i) {
        half.point[i] = sign[i] * table.point[i][best];
        const float off = half.y[i] - half.point[i];
        half.distance += off * off;
    }
}

// Searches the half of every lane that asks.
__device__ void search_where(const E8pSearchTable& table, bool asks, Half& half) {
    for (unsigned waiting = __ballot_sync(kWholeWarp, asks); waiting != 0; waiting &= waiting - 1) {
        search_table(table, __ffs(static_cast<int>(waiting)) - 1, half);
        __syncwarp();
    }
}

__global__ void __launch_bounds__(kThreads)
    search_kernel(const E8pSearchTable* __restrict__ table, const float* __restrict__ x, std::int64_t stride,
                  std::int64_t count, std::int32_t* codes, float* values, std::int64_t value_stride) {
    const std::int64_t r = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    const bool mine = r < count;  // all lanes of a warp search to the end
    float lanes[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) lanes[i] = mine ? x[i * stride + r] : 0.0f;
    Half up;
    Half down;
    nearest_in_lattice(*table, lanes, 0.25f, up);
    nearest_in_lattice(*table, lanes, -0.25f, down);
    // The half whose bound is lower first; the other one where its bound still is below what that gave.
    const bool up_first = up.distance < down.distance;
    search_where(*table, up_first && up.row < 0, up);
    search_where(*table, !up_first && down.row < 0, down);
    search_where(*table, !up_first && up.row < 0 && up.distance < down.distance, up);
    search_where(*table, up_first && down.row < 0 && down.distance <= up.distance, down);
    const bool is_up = down.row < 0 || (up.row >= 0 && up.distance < down.distance);
    if (!mine) return;
    const Half& half = is_up ? up : down;
    int negative = 0;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        const float point = is_up ? up.point[i] : down.point[i];
        negative |= static_cast<int>(point < 0) << i;
        values[i * value_stride + r] = point + (is_up ? -0.25f : 0.25f);
    }
    codes[r] = half.row << 8 | (table->spread[negative] ^ table->odd[half.row] ^ static_cast<int>(is_up));
}

// All points of the short table; every thread of a warp reads the same one.
__global__ void __launch_bounds__(kThreads)
    points_kernel(const E8SearchTable* __restrict__ table, const float* __restrict__ x, std::int64_t stride,
                  std::int64_t count, std::int32_t* codes, float* values, std::int64_t value_stride) {
    const std::int64_t r = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (r >= count) return;
    float vector[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) vector[i] = x[i * stride + r];
    float highest = -INFINITY;
    int best = 0;
    for (int g = 0; g < kE8Points; ++g) {
        float score = __ldg(table->bias + g);
#pragma unroll
        for (int i = 0; i < 8; ++i) score = fmaf(vector[i], __ldg(table->point[i] + g), score);
        if (score > highest) {
            highest = score;
            best = g;
        }
    }
    codes[r] = best;
#pragma unroll
    for (int i = 0; i < 8; ++i) values[i * value_stride + r] = __ldg(table->point[i] + best);
}

unsigned blocks_for(std::int64_t count) {
    return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

const char* launch_error() {
    const cudaError_t error = cudaGetLastError();
    return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

}  // namespace

const char* e8p_search_f32_cuda(const E8pSearchTable* table, const float* x, std::int64_t stride, std::int64_t count,
                                std::int32_t* codes, float* values, std::int64_t value_stride, void* stream) {
    if (count == 0) return nullptr;
    search_kernel<<<blocks_for(count), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(table, x, stride, count, codes,
                                                                                         values, value_stride);
    return launch_error();
}

const char* e8_search_f32_cuda(const E8SearchTable* table, const float* x, std::int64_t stride, std::int64_t count,
                               std::int32_t* codes, float* values, std::int64_t value_stride, void* stream) {
    if (count == 0) return nullptr;
    points_kernel<<<blocks_for(count), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(table, x, stride, count, codes,
                                                                                         values, value_stride);
    return launch_error();
}

bool has_cuda_kernels() {
    return true;
}

}  // namespace dwubit
