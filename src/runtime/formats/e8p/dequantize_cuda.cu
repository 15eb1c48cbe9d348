#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "runtime/formats/e8p/e8p_cuda.h"

namespace dwubit::e8p {
namespace {

constexpr int kThreads = 256;  // each takes one code at a time
constexpr int kWidth = 8;

__device__ void store(float* out, float value) {
    *out = value;
}
__device__ void store(__nv_bfloat16* out, float value) {
    *out = __float2bfloat16_rn(value);
}
__device__ void store(__half* out, float value) {
    *out = __float2half_rn(value);
}

// The tables of a thread block: 8 KB.
struct Tables {
    std::int8_t rows[256][kWidth];
    std::int8_t signs[256][kWidth];
    std::int8_t shifts[256][kWidth];
    std::int8_t points[256][kWidth];
};

__device__ int lattice_value(const Tables& t, unsigned row, unsigned sign, int j) {
    return t.rows[row][j] * t.signs[sign][j] + t.shifts[sign][j];
}

// Blocks of the grid: x along the codes of a row, y along rows. Additions and products are rounded one by one, as the
// CPU does.
template <class T>
__global__ void __launch_bounds__(kThreads) dequantize(Matrix m, std::int64_t first, std::int64_t count, T* out) {
    constexpr int kOrder[kWidth] = {0, 2, 4, 6, 1, 3, 5, 7};  // kCoordinate
    __shared__ Tables tables;
    for (int i = threadIdx.x; i < 256; i += kThreads) {
        for (int j = 0; j < kWidth; ++j) {
            tables.rows[i][j] = m.tables->rows[i][j];
            tables.signs[i][j] = m.tables->signs[i][j];
            tables.shifts[i][j] = m.tables->shifts[i][j];
            tables.points[i][j] = m.tables->points[i][j];
        }
    }
    __syncthreads();
    const std::int64_t code = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (code >= m.blocks) return;
    const std::int64_t start = code / kChunkCodes * kChunkCodes;
    const std::int64_t plane = m.blocks - start < kChunkCodes ? m.blocks - start : kChunkCodes;
    for (std::int64_t r = blockIdx.y; r < count; r += gridDim.y) {
        const unsigned char* const at = m.codes + ((first + r) * m.blocks + start) * m.bits + (code - start);
        T* const to = out + r * m.in + code * kWidth;
        for (int j = 0; j < kWidth; ++j) {
            float value = 0.25f * lattice_value(tables, at[0], at[plane], j);
            if (m.bits == 3) {
                value = __fadd_rn(value, __fmul_rn(0.5f * tables.points[at[2 * plane]][j], m.second));
            } else if (m.bits == 4) {
                const float rest = 0.25f * lattice_value(tables, at[2 * plane], at[3 * plane], j);
                value = __fadd_rn(value, __fmul_rn(rest, m.second));
            }
            if (code * kWidth + kOrder[j] < m.in) store(to + kOrder[j], __fmul_rn(value, m.scale));
        }
    }
}

template <class T>
int launch(const Matrix& m, std::int64_t first, std::int64_t count, T* out, void* stream) {
    constexpr std::int64_t kMaxGridRows = 65535;
    if (count == 0) return cudaSuccess;
    const dim3 grid(static_cast<unsigned>((m.blocks + kThreads - 1) / kThreads),
                    static_cast<unsigned>(count < kMaxGridRows ? count : kMaxGridRows));
    dequantize<<<grid, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(m, first, count, out);
    return cudaGetLastError();
}

}  // namespace

int e8p_dequantize_f32_cuda(const Matrix& matrix, std::int64_t first, std::int64_t count, float* out, void* stream) {
    return launch(matrix, first, count, out, stream);
}

int e8p_dequantize_bf16_cuda(const Matrix& matrix, std::int64_t first, std::int64_t count, std::uint16_t* out,
                             void* stream) {
    return launch(matrix, first, count, reinterpret_cast<__nv_bfloat16*>(out), stream);
}

int e8p_dequantize_f16_cuda(const Matrix& matrix, std::int64_t first, std::int64_t count, std::uint16_t* out,
                            void* stream) {
    return launch(matrix, first, count, reinterpret_cast<__half*>(out), stream);
}

}  // namespace dwubit::e8p
