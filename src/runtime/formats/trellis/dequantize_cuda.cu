#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "runtime/formats/trellis/hash.h"
#include "runtime/formats/trellis/trellis_cuda.h"

namespace dwubit::trellis {
namespace {

constexpr int kThreadColumns = 64;  // of a thread block: a warp writes 32 neighbours of a row
constexpr int kThreadRows = 4;      // each takes four of the band's 16

__device__ void store(float* out, float value) {
    *out = value;
}
__device__ void store(__nv_bfloat16* out, float value) {
    *out = __float2bfloat16_rn(value);
}
__device__ void store(__half* out, float value) {
    *out = __float2half_rn(value);
}

__device__ float half_value(std::uint32_t bits) {
    return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
}

// The value of a state in a column of even or odd number, before the scale.
template <Code kCode>
__device__ float value_of(const float* pairs, std::uint32_t state, std::int64_t column) {
    if constexpr (kCode == Code::k1Mad) {
        return value_1mad(byte_sum(k1MadFactor * state + k1MadTerm));
    } else if constexpr (kCode == Code::kMul1) {
        return value_mul1(byte_sum(kMul1Factor * state));
    } else if constexpr (kCode == Code::k3Inst) {
        const std::uint32_t x = ((k3InstFactor * state + k3InstTerm) & k3InstMask) ^ k3InstBits;
        return __half2float(__float2half_rn(__fadd_rn(half_value(x & 0xffff), half_value(x >> 16))));
    } else {
        return __ldg(pairs + 2 * (hyb_hash(state) >> 6 & (kPairs - 1)) + column % 2);
    }
}

// Blocks of the grid: x along columns, y along bands. One rounding after the value's own, as on the CPU.
template <Code kCode, class T>
__global__ void __launch_bounds__(kThreadColumns* kThreadRows)
    dequantize(Matrix m, std::int64_t first, std::int64_t count, T* out) {
    const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kThreadColumns + threadIdx.x;
    if (column >= m.in) return;
    const std::int64_t last_band = (first + count - 1) / kTile;
    for (std::int64_t b = first / kTile + blockIdx.y; b <= last_band; b += gridDim.y) {
        const unsigned char* const tile = band(m, b) + column / kTile * tile_bytes(m.bits);
        for (std::int64_t r = threadIdx.y; r < kTile; r += kThreadRows) {
            const std::int64_t row = b * kTile + r - first;
            if (row < 0 || row >= count) continue;
            const std::uint32_t state = state_of(m, tile, r, column % kTile);
            store(out + row * m.in + column, __fmul_rn(value_of<kCode>(m.values, state, column), m.scale));
        }
    }
}

template <Code kCode, class T>
int launch_code(const Matrix& m, std::int64_t first, std::int64_t count, T* out, void* stream) {
    constexpr std::int64_t kMaxGridRows = 65535;
    const std::int64_t bands = (first + count - 1) / kTile - first / kTile + 1;
    const dim3 grid(static_cast<unsigned>((m.in + kThreadColumns - 1) / kThreadColumns),
                    static_cast<unsigned>(bands < kMaxGridRows ? bands : kMaxGridRows));
    dequantize<kCode>
        <<<grid, dim3(kThreadColumns, kThreadRows), 0, static_cast<cudaStream_t>(stream)>>>(m, first, count, out);
    return cudaGetLastError();
}

template <class T>
int launch(const Matrix& m, std::int64_t first, std::int64_t count, T* out, void* stream) {
    if (count == 0) return cudaSuccess;
    switch (m.code) {
        case Code::k1Mad:
            return launch_code<Code::k1Mad>(m, first, count, out, stream);
        case Code::k3Inst:
            return launch_code<Code::k3Inst>(m, first, count, out, stream);
        case Code::kMul1:
            return launch_code<Code::kMul1>(m, first, count, out, stream);
        case Code::kHyb:
            return launch_code<Code::kHyb>(m, first, count, out, stream);
    }
    return cudaErrorInvalidValue;
}

}  // namespace

int trellis_dequantize_f32_cuda(const Matrix& matrix, std::int64_t first, std::int64_t count, float* out,
                                void* stream) {
    return launch(matrix, first, count, out, stream);
}

int trellis_dequantize_bf16_cuda(const Matrix& matrix, std::int64_t first, std::int64_t count, std::uint16_t* out,
                                 void* stream) {
    return launch(matrix, first, count, reinterpret_cast<__nv_bfloat16*>(out), stream);
}

int trellis_dequantize_f16_cuda(const Matrix& matrix, std::int64_t first, std::int64_t count, std::uint16_t* out,
                                void* stream) {
    return launch(matrix, first, count, reinterpret_cast<__half*>(out), stream);
}

}  // namespace dwubit::trellis
