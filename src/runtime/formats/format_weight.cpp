#include "runtime/formats/format_weight.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>

namespace dwubit {
namespace {

// Dequantized elements that stay in a core's second-level cache.
constexpr std::int64_t kCacheElements = std::int64_t{1} << 18;
constexpr std::int64_t kMinRows = 32;  // below it the product is slow whatever the cache holds

// Activations that this thread has arranged for a kernel: all panels of a product read the same. A few of them, because
// a thread goes back and forth between the linears of one input.
struct Arranged {
    const void* matrix = nullptr;
    std::uint64_t generation = 0;
    AlignedBuffer<std::byte> bytes;
};
constexpr std::size_t kArranged = 4;

// y[r, j] = x[r] . values[j] for a panel whose rows of y are `stride` apart.
void multiply_bf16_panel(const std::uint16_t* x, std::int64_t rows, const std::uint16_t* values, std::int64_t count,
                         std::int64_t k, float* y, std::int64_t stride) {
    if (count == stride) {
        active_gemm().multiply_bf16(true, rows, count, k, x, values, false, y);
        return;
    }
    thread_local AlignedBuffer<float> room;
    float* const panel = room.reserve(static_cast<std::size_t>(rows * count));
    active_gemm().multiply_bf16(true, rows, count, k, x, values, false, panel);
    for (std::int64_t r = 0; r < rows; ++r) std::copy_n(panel + r * count, count, y + r * stride);
}

}  // namespace

FormatKernels choose_kernels(const Format& format, ActType act, const Json& params, const Shape& shape,
                             const CpuIsa& isa) {
    FormatKernels kernels;
    std::string lacks;
    kernels.few = find_kernel(format, "gemv", act, params, shape, isa, &lacks);
    if (kernels.few == nullptr) {
        kernels.few_reason = std::move(lacks);
        if (act != ActType::kF32) {
            if (kernels.few_reason.empty()) {
                kernels.few_reason = fmt::format("{} has no gemv for {} activations", format.id, act_name(act));
            }
            kernels.few = find_kernel(format, "gemv", ActType::kF32, params, shape, isa);
        }
    }
    if (act != ActType::kF32 && active_gemm().supports(GemmType::kBf16, isa)) {
        kernels.many = find_kernel(format, "gemm", ActType::kBf16, params, shape, isa);
    }
    if (kernels.many == nullptr) kernels.many = find_kernel(format, "gemm", ActType::kF32, params, shape, isa);
    return kernels;
}

Result<FormatWeight> FormatWeight::bind(const Format& format, const PackedView& packed, const FormatKernels& kernels) {
    FormatWeight weight(packed.shape[0], packed.shape[1]);
    DWUBIT_ASSIGN(weight.reader_, format.bind(packed));
    weight.kernels_ = kernels;
    return weight;
}

std::string FormatWeight::reference_name(const Format& format) {
    return fmt::format("{}_gemm_f32_ref", format.id);
}

GemmType FormatWeight::input(std::int64_t rows, bool blocked) const {
    if (few(rows, blocked) && kernels_.few != nullptr) return GemmType::kF32;
    return kernels_.many != nullptr && kernels_.many->act == ActType::kBf16 ? GemmType::kBf16 : GemmType::kF32;
}

const void* FormatWeight::arranged(const Activations& x, std::int64_t rows) const {
    thread_local std::array<Arranged, kArranged> known;
    thread_local std::size_t oldest = 0;
    const void* const matrix = reader_->matrix();
    for (const Arranged& one : known) {
        if (one.matrix == matrix && one.generation == x.generation()) return one.bytes.data();
    }
    Arranged& room = known[oldest++ % kArranged];
    const std::size_t row_bytes = kernels_.few->arranged_bytes(matrix);
    std::byte* const out = room.bytes.reserve(row_bytes * static_cast<std::size_t>(rows));
    for (std::int64_t r = 0; r < rows; ++r) {
        kernels_.few->arrange(matrix, static_cast<const float*>(x.data(GemmType::kF32, r)),
                              out + row_bytes * static_cast<std::size_t>(r));
    }
    room.matrix = matrix;
    room.generation = x.generation();
    return out;
}

void FormatWeight::multiply(const Activations& x, std::int64_t first_row, std::int64_t rows, std::int64_t step,
                            std::int64_t first, std::int64_t columns, float* y) const {
    if (few(x.rows(), x.blocked()) && kernels_.few != nullptr) {
        kernels_.few->product(reader_->matrix(), arranged(x, rows), rows, first, columns, y);
        return;
    }
    const GemmType type = input(x.rows(), x.blocked());
    const void* const data = x.data(type, first_row);
    if (type == GemmType::kBf16) {
        multiply_panels(static_cast<const std::uint16_t*>(data), rows, step, first, columns, y);
    } else {
        multiply_panels(static_cast<const float*>(data), rows, step, first, columns, y);
    }
}

template <class T>
void FormatWeight::multiply_panels(const T* x, std::int64_t rows, std::int64_t step, std::int64_t first,
                                   std::int64_t columns, float* y) const {
    thread_local AlignedBuffer<T> room;
    const std::int64_t k = in_features();
    const std::int64_t span = std::clamp(kCacheElements / k / kMinRows * kMinRows, kMinRows, PackedMatrix::kPanel);
    for (std::int64_t done = 0; done < columns; done += span) {
        const std::int64_t count = std::min(span, columns - done);
        T* const values = room.reserve(static_cast<std::size_t>(count * k));
        if (kernels_.many != nullptr && kernels_.many->dequantize != nullptr) {
            kernels_.many->dequantize(reader_->matrix(), first + done, count, values);
        } else if constexpr (std::is_same_v<T, float>) {
            reader_->dequantize(first + done, count, values);
        }
        for (std::int64_t r = 0; r < rows; r += step) {
            const std::int64_t some = std::min(step, rows - r);
            if constexpr (std::is_same_v<T, float>) {
                active_gemm().multiply(true, some, count, k, x + r * k, k, values, k, false, y + r * columns + done,
                                       columns);
            } else {
                multiply_bf16_panel(x + r * k, some, values, count, k, y + r * columns + done, columns);
            }
        }
    }
}

}  // namespace dwubit
