#include "runtime/gemm/dense_weight.h"

#include <algorithm>
#include <cstddef>

#include "base/check.h"

namespace dwubit {
namespace {

constexpr DenseKernelRow kKernels[] = {
    {"dense_gemv_bf16_bf16_avx512_bf16", Isa::kAvx512, kNeedsBf16, DType::kBf16, GemmType::kBf16,
     dense_gemv_bf16_bf16_avx512_bf16},
    {"dense_gemv_bf16_bf16_ref", Isa::kRef, kNeedsNothing, DType::kBf16, GemmType::kBf16, dense_gemv_bf16_bf16_ref},
    {"dense_gemv_bf16_f32_avx512", Isa::kAvx512, kNeedsNothing, DType::kBf16, GemmType::kF32,
     dense_gemv_bf16_f32_avx512},
    {"dense_gemv_bf16_f32_avx2", Isa::kAvx2, kNeedsNothing, DType::kBf16, GemmType::kF32, dense_gemv_bf16_f32_avx2},
    {"dense_gemv_bf16_f32_ref", Isa::kRef, kNeedsNothing, DType::kBf16, GemmType::kF32, dense_gemv_bf16_f32_ref},
    {"dense_gemv_f16_f32_avx512", Isa::kAvx512, kNeedsNothing, DType::kF16, GemmType::kF32, dense_gemv_f16_f32_avx512},
    {"dense_gemv_f16_f32_avx2", Isa::kAvx2, kNeedsNothing, DType::kF16, GemmType::kF32, dense_gemv_f16_f32_avx2},
    {"dense_gemv_f16_f32_ref", Isa::kRef, kNeedsNothing, DType::kF16, GemmType::kF32, dense_gemv_f16_f32_ref},
    {"dense_gemv_f32_f32_avx512", Isa::kAvx512, kNeedsNothing, DType::kF32, GemmType::kF32, dense_gemv_f32_f32_avx512},
    {"dense_gemv_f32_f32_avx2", Isa::kAvx2, kNeedsNothing, DType::kF32, GemmType::kF32, dense_gemv_f32_f32_avx2},
    {"dense_gemv_f32_f32_ref", Isa::kRef, kNeedsNothing, DType::kF32, GemmType::kF32, dense_gemv_f32_f32_ref},
};

// Widened elements that stay in a core's second-level cache.
constexpr std::int64_t kCacheFloats = std::int64_t{1} << 17;
constexpr std::int64_t kMinRows = 32;  // below it the product is slow whatever the cache holds

}  // namespace

std::span<const DenseKernelRow> dense_kernels() {
    return kKernels;
}

const DenseKernelRow* find_dense_kernel(DType weight, GemmType input, const CpuIsa& isa) {
    for (const DenseKernelRow& row : kKernels) {
        if (row.weight != weight || row.input != input || !runs_on(isa, row.isa, row.needs)) continue;
        if (row.isa != Isa::kRef || isa.isa == Isa::kRef) return &row;
    }
    return nullptr;
}

DenseWeight DenseWeight::bind(const TensorView& weight, GemmType type) {
    DWUBIT_CHECK(weight.shape.size() == 2);
    DWUBIT_CHECK(type == GemmType::kF32 || weight.dtype == DType::kBf16);
    DenseWeight bound(type, weight.shape[0], weight.shape[1]);
    bound.dtype_ = weight.dtype;
    bound.few_ = find_dense_kernel(weight.dtype, type, active_isa());
    bound.rows_ = weight.bytes.data();
    if (reinterpret_cast<std::uintptr_t>(bound.rows_) % dtype_size(weight.dtype) != 0) {
        bound.rows_ = bound.aligned_.reserve(weight.bytes.size());
        std::copy(weight.bytes.begin(), weight.bytes.end(), bound.aligned_.data());
    }
    return bound;
}

const std::byte* DenseWeight::row(std::int64_t index) const {
    return rows_ + index * in_features() * static_cast<std::int64_t>(dtype_size(dtype_));
}

void DenseWeight::multiply(const Activations& x, std::int64_t first_row, std::int64_t rows, std::int64_t step,
                           std::int64_t first, std::int64_t columns, float* y) const {
    const std::int64_t k = in_features();
    if (few_ != nullptr && few(x.rows(), x.blocked())) {
        few_->product(row(first), k, x.data(type_, first_row), rows, columns, y);
        return;
    }
    const GemmBackend& gemm = active_gemm();
    if (type_ == GemmType::kBf16) {
        for (std::int64_t r = 0; r < rows; r += step) {
            gemm.multiply_bf16(true, std::min(step, rows - r), columns, k,
                               static_cast<const std::uint16_t*>(x.data(type_, first_row + r)),
                               reinterpret_cast<const std::uint16_t*>(row(first)), false, y + r * columns);
        }
        return;
    }
    // Float32 products of narrower weights: widened in cache, some rows at a time.
    thread_local AlignedBuffer<float> room;
    const bool wide = dtype_ == DType::kF32;
    const std::int64_t span = wide ? columns : std::clamp(kCacheFloats / k / kMinRows * kMinRows, kMinRows, kPanel);
    for (std::int64_t done = 0; done < columns; done += span) {
        const std::int64_t count = std::min(span, columns - done);
        const float* values = reinterpret_cast<const float*>(row(first + done));
        if (!wide) {
            float* const widened = room.reserve(static_cast<std::size_t>(count * k));
            const TensorView view{"", dtype_, {count, k}, {row(first + done), row(first + done + count)}, ""};
            DWUBIT_CHECK(read_as_f32(view, {widened, static_cast<std::size_t>(count * k)}).ok());
            values = widened;
        }
        for (std::int64_t r = 0; r < rows; r += step) {
            gemm.multiply(true, std::min(step, rows - r), count, k,
                          static_cast<const float*>(x.data(type_, first_row + r)), k, values, k, false,
                          y + r * columns + done, columns);
        }
    }
}

}  // namespace dwubit
