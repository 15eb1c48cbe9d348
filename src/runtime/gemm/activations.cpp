#include "runtime/gemm/activations.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"
#include "runtime/gemm/act_type.h"
#include "runtime/ops/op_table.h"

namespace dwubit {

std::string_view act_name(ActType act) {
    switch (act) {
        case ActType::kF32:
            return "f32";
        case ActType::kBf16:
            return "bf16";
        case ActType::kInt8x2:
            return "int8x2";
        case ActType::kInt8:
            return "int8";
    }
    return "f32";
}

void Activations::prepare(std::int64_t rows, std::int64_t cols, bool f32, bool bf16, bool blocked) {
    DWUBIT_CHECK(f32 || bf16);
    static std::atomic<std::uint64_t> generations{0};
    generation_ = ++generations;
    rows_ = rows;
    cols_ = cols;
    has_f32_ = f32;
    has_bf16_ = bf16;
    blocked_ = blocked;
    const std::int64_t all = blocked ? (rows + kBlockRows - 1) / kBlockRows * kBlockRows : rows;
    const auto used = static_cast<std::size_t>(rows * cols);
    const auto size = static_cast<std::size_t>(all * cols);
    if (f32) std::fill_n(f32_.reserve(size) + used, size - used, 0.0f);
    if (bf16) std::fill_n(bf16_.reserve(size) + used, size - used, std::uint16_t{0});
}

void Activations::write(std::int64_t row, std::int64_t first, const float* x, std::int64_t n) {
    const std::int64_t offset = row * cols_ + first;
    if (has_f32_) std::copy_n(x, n, f32_.data() + offset);
    if (has_bf16_) active_ops().to_bf16(x, bf16_.data() + offset, n);
}

const void* Activations::data(GemmType type, std::int64_t row) const {
    DWUBIT_CHECK(type == GemmType::kBf16 ? has_bf16_ : has_f32_);
    if (type == GemmType::kBf16) return bf16_.data() + row * cols_;
    return f32_.data() + row * cols_;
}

}  // namespace dwubit
