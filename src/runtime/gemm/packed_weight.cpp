#include "runtime/gemm/packed_weight.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "runtime/cpu/aligned_buffer.h"
#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

// The rows as the matrix of `type` wants them: themselves, or rounded into the calling thread's buffer.
const void* as_input(MatrixView<const float> x, GemmType type) {
    if (type == GemmType::kF32) return x.data;
    thread_local AlignedBuffer<std::uint16_t> narrow;
    std::uint16_t* const out = narrow.reserve(static_cast<std::size_t>(x.rows * x.cols));
    active_ops().to_bf16(x.data, out, x.rows * x.cols);
    return out;
}

}  // namespace

Result<PackedWeight> PackedWeight::pack(const TensorView& weight, GemmType type) {
    DWUBIT_CHECK(weight.shape.size() == 2);
    DWUBIT_CHECK(type == GemmType::kF32 || weight.dtype == DType::kBf16);
    PackedWeight packed;
    packed.type_ = type;
    packed.n_ = weight.shape[0];
    packed.k_ = weight.shape[1];
    if (type == GemmType::kBf16) {
        // Tensors in a file need not be aligned to their element size.
        AlignedBuffer<std::byte> aligned(weight.bytes.size());
        std::copy(weight.bytes.begin(), weight.bytes.end(), aligned.data());
        packed.matrix_ = active_gemm().pack(type, aligned.data(), packed.n_, packed.k_);
        return packed;
    }
    AlignedBuffer<float> wide(static_cast<std::size_t>(packed.n_ * packed.k_));
    DWUBIT_TRY(read_as_f32(weight, {wide.data(), wide.size()}));
    packed.matrix_ = active_gemm().pack(type, wide.data(), packed.n_, packed.k_);
    return packed;
}

void PackedWeight::apply(MatrixView<const float> x, MatrixView<float> y, ThreadPool& pool) const {
    DWUBIT_CHECK(x.cols == k_ && y.cols == n_ && x.rows == y.rows && x.stride == k_);
    if (x.rows > kRowTile) {
        pool.parallel_for((x.rows + kRowTile - 1) / kRowTile, [&](std::int64_t t) {
            const std::int64_t rows = std::min(kRowTile, x.rows - t * kRowTile);
            apply_tile(x.row_range(t * kRowTile, rows), y.row_range(t * kRowTile, rows));
        });
        return;
    }
    constexpr std::int64_t kPanel = PackedMatrix::kPanel;
    const void* input = as_input(x, type_);
    pool.parallel_for((n_ + kPanel - 1) / kPanel, [&](std::int64_t p) {
        const std::int64_t first = p * kPanel;
        matrix_->apply(input, x.rows, first, std::min(kPanel, n_ - first), y.data + first, y.stride);
    });
}

void PackedWeight::apply_tile(MatrixView<const float> x, MatrixView<float> y) const {
    DWUBIT_CHECK(x.rows <= kRowTile);
    matrix_->apply(as_input(x, type_), x.rows, 0, n_, y.data, y.stride);
}

}  // namespace dwubit
