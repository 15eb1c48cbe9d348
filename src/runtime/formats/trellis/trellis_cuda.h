// Format trellis on a GPU: tiles to dense rows. Plain types, so that callers without CUDA's headers include it; built
// with -DDWUBIT_CUDA=ON.
#pragma once

#include <cstdint>

#include "runtime/formats/trellis/kernels.h"

namespace dwubit::trellis {

// Pointers of `matrix` lead into device memory: its codes, and for HYB a copy of its pairs (`values` of other codes is
// not read). Writes rows [first, first + count) of W to out [count, in], columns in the model's order. `stream`: a
// cudaStream_t. Returns a cudaError_t, 0 for success.
int trellis_dequantize_f32_cuda(const Matrix& matrix, std::int64_t first, std::int64_t count, float* out, void* stream);
// The same rounded to bf16 and f16, as bits.
int trellis_dequantize_bf16_cuda(const Matrix& matrix, std::int64_t first, std::int64_t count, std::uint16_t* out,
                                 void* stream);
int trellis_dequantize_f16_cuda(const Matrix& matrix, std::int64_t first, std::int64_t count, std::uint16_t* out,
                                void* stream);

}  // namespace dwubit::trellis
