// The products of int8 activations by their definition, in the order of the row; what the fast kernels are held
// against.
#include "runtime/formats/uniform_group/arrange_inl.h"
#include "runtime/formats/uniform_group/layout.h"

#include <algorithm>
#include <cstring>

#include "base/float16.h"

namespace dwubit::uniform_group {
namespace {

const std::byte* bytes_of(const unsigned char* p) {
    return reinterpret_cast<const std::byte*>(p);
}

float scale_at(const Matrix& m, std::int64_t index) {
    F16 scale{};
    std::memcpy(&scale, m.scales + index * 2, sizeof(scale));
    return to_float(scale);
}

// Sum over the columns of group `g` of code * activation; activations in units of the lane scales.
double group_dot(const Matrix& m, const unsigned char* x, const ArrangedInt8& layout, bool residual, std::int64_t row,
                 std::int64_t g) {
    const std::int64_t n = planes(m.bits);
    const auto* const lane_scales = reinterpret_cast<const float*>(x + layout.scales);
    double sum = 0;
    for (std::int64_t j = g * m.group; j < std::min(m.in, (g + 1) * m.group); ++j) {
        const std::int64_t chunk = j / chunk_columns(m.bits);
        const std::int64_t column = j % chunk_columns(m.bits);
        const std::int64_t place = column % n * kPlaneBytes + column / n;
        const auto* const at = reinterpret_cast<const std::int8_t*>(x + chunk * layout.chunk_stride) + place;
        const int value = residual ? at[0] * 256 + at[chunk_columns(m.bits)] : at[0];
        const double scale = lane_scales[chunk * kLanesPerChunk + column / (4 * n)];
        sum += scale * value * read_element(bytes_of(m.codes + row * m.row_bytes), j, m.bits);
    }
    return sum;
}

void product(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns, float* y,
             bool residual) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const ArrangedInt8 layout = arranged_int8(m, residual);
    for (std::int64_t r = 0; r < rows; ++r) {
        const auto* const row = static_cast<const unsigned char*>(x) + r * layout.bytes;
        const auto* const sums = reinterpret_cast<const float*>(row + layout.sums);
        for (std::int64_t j = 0; j < columns; ++j) {
            double sum = 0;
            for (std::int64_t g = 0; g < m.groups; ++g) {
                const std::int64_t index = (first + j) * m.groups + g;
                const double offset =
                    m.zeros != nullptr ? read_element(bytes_of(m.zeros), index, m.bits) : m.mirror_offset;
                const double dot = group_dot(m, row, layout, residual, first + j, g);
                sum += scale_at(m, index) * (dot - offset * sums[g]);
            }
            y[r * columns + j] = static_cast<float>(sum);
        }
    }
}

}  // namespace

void arrange_int8x2_ref(const void* matrix, const float* x, void* out) {
    arrange_int8_any<true>(matrix, x, out);
}

void arrange_int8_ref(const void* matrix, const float* x, void* out) {
    arrange_int8_any<false>(matrix, x, out);
}

void uniform_group_gemv_int8x2_ref(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                   std::int64_t columns, float* y) {
    product(matrix, x, rows, first, columns, y, true);
}

void uniform_group_gemv_int8_ref(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                 std::int64_t columns, float* y) {
    product(matrix, x, rows, first, columns, y, false);
}

}  // namespace dwubit::uniform_group
