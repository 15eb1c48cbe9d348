#include "runtime/gemm/packed_weight.h"

#include <algorithm>

#include "base/check.h"

namespace dwubit {
namespace {

constexpr std::int64_t kPanel = PackedMatrix::kPanel;

std::int64_t blocks(std::int64_t count, std::int64_t size) {
    return (count + size - 1) / size;
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

std::int64_t PackedWeight::units(std::int64_t rows) const {
    return blocks(rows, kRowBlock) * blocks(n_, kPanel);
}

Panel PackedWeight::run_unit(const Activations& x, std::int64_t unit, AlignedBuffer<float>& room) const {
    DWUBIT_CHECK(x.cols() == k_);
    const std::int64_t row_blocks = blocks(x.rows(), kRowBlock);
    const std::int64_t first_row = unit % row_blocks * kRowBlock;
    const std::int64_t first_column = unit / row_blocks * kPanel;
    const std::int64_t rows = std::min(kRowBlock, x.rows() - first_row);
    const std::int64_t columns = std::min(kPanel, n_ - first_column);
    float* const y = room.reserve(static_cast<std::size_t>(rows * columns));
    matrix_->apply(x.data(type_, first_row), rows, first_column, columns, y);
    return {first_row, first_column, {y, rows, columns}};
}

}  // namespace dwubit
