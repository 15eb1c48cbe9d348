#include <cstring>

#include "base/float16.h"
#include "runtime/gemm/dense_gemv.h"

namespace dwubit {
namespace {

template <class W, class X>
void product(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns, float* y) {
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t j = 0; j < columns; ++j) {
            float sum = 0;
            for (std::int64_t i = 0; i < k; ++i) {
                W weight{};
                X input{};
                std::memcpy(&weight, static_cast<const std::byte*>(w) + (j * k + i) * sizeof(W), sizeof(W));
                std::memcpy(&input, static_cast<const std::byte*>(x) + (r * k + i) * sizeof(X), sizeof(X));
                sum += to_float(weight) * to_float(input);
            }
            y[r * columns + j] = sum;
        }
    }
}

}  // namespace

void dense_gemv_bf16_f32_ref(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                             float* y) {
    product<Bf16, float>(w, k, x, rows, columns, y);
}

void dense_gemv_f16_f32_ref(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                            float* y) {
    product<F16, float>(w, k, x, rows, columns, y);
}

void dense_gemv_f32_f32_ref(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                            float* y) {
    product<float, float>(w, k, x, rows, columns, y);
}

void dense_gemv_bf16_bf16_ref(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                              float* y) {
    product<Bf16, Bf16>(w, k, x, rows, columns, y);
}

}  // namespace dwubit
