#include "runtime/gemm/dense_weight.h"

#include <algorithm>
#include <cstddef>

#include "base/check.h"

namespace dwubit {

Result<DenseWeight> DenseWeight::pack(const TensorView& weight, GemmType type) {
    DWUBIT_CHECK(weight.shape.size() == 2);
    DWUBIT_CHECK(type == GemmType::kF32 || weight.dtype == DType::kBf16);
    const std::int64_t n = weight.shape[0];
    const std::int64_t k = weight.shape[1];
    DenseWeight packed(type, n, k);
    if (type == GemmType::kBf16) {
        // Tensors in a file need not be aligned to their element size.
        AlignedBuffer<std::byte> aligned(weight.bytes.size());
        std::copy(weight.bytes.begin(), weight.bytes.end(), aligned.data());
        packed.matrix_ = active_gemm().pack(type, aligned.data(), n, k);
        return packed;
    }
    AlignedBuffer<float> wide(static_cast<std::size_t>(n * k));
    DWUBIT_TRY(read_as_f32(weight, {wide.data(), wide.size()}));
    packed.matrix_ = active_gemm().pack(type, wide.data(), n, k);
    return packed;
}

void DenseWeight::multiply(const Activations& x, std::int64_t first_row, std::int64_t rows, std::int64_t step,
                           std::int64_t first, std::int64_t columns, float* y) const {
    for (std::int64_t r = 0; r < rows; r += step) {
        matrix_->apply(x.data(type_, first_row + r), std::min(step, rows - r), first, columns, y + r * columns);
    }
}

}  // namespace dwubit
