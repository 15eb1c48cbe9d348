#include "runtime/formats/format_weight.h"

#include <fmt/format.h>

#include <algorithm>

namespace dwubit {
namespace {

// Floats of dequantized rows that stay in a core's second-level cache.
constexpr std::int64_t kCacheFloats = std::int64_t{1} << 18;
constexpr std::int64_t kMinRows = 32;  // below it the product is slow whatever the cache holds

}  // namespace

Result<FormatWeight> FormatWeight::bind(const Format& format, const PackedView& packed) {
    FormatWeight weight(GemmType::kF32, packed.shape[0], packed.shape[1]);
    DWUBIT_ASSIGN(weight.reader_, format.bind(packed));
    return weight;
}

std::string FormatWeight::kernel_name(const Format& format) {
    return fmt::format("{}_gemm_f32_ref", format.id);
}

void FormatWeight::multiply(const void* x, std::int64_t rows, std::int64_t step, std::int64_t first,
                            std::int64_t columns, float* y) const {
    thread_local AlignedBuffer<float> room;
    const std::int64_t k = in_features();
    const std::int64_t span = std::clamp(kCacheFloats / k / kMinRows * kMinRows, kMinRows, PackedMatrix::kPanel);
    for (std::int64_t done = 0; done < columns; done += span) {
        const std::int64_t count = std::min(span, columns - done);
        float* const values = room.reserve(static_cast<std::size_t>(count * k));
        reader_->dequantize(first + done, count, values);
        for (std::int64_t r = 0; r < rows; r += step) {
            active_gemm().multiply(true, std::min(step, rows - r), count, k, static_cast<const float*>(x) + r * k, k,
                                   values, k, false, y + r * columns + done, columns);
        }
    }
}

}  // namespace dwubit
