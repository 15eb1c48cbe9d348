// iq2_xxs_gemv_int8x2_ref, iq2_xxs_gemv_int8_ref: what the fast ones compute, weight by weight.
#include "base/float16.h"
#include "runtime/formats/int8_lanes_inl.h"
#include "runtime/formats/iq2_xxs/kernels.h"

namespace dwubit::iq2_xxs {
namespace {

// Column `column` of a block: its level with its sign.
int signed_level(const KernelTables& t, const unsigned char* block, std::int64_t column) {
    const unsigned char* const group = block + 2 + column / 32 * 8;
    const std::int64_t point = column / 8 % 4;
    std::uint32_t word = 0;
    __builtin_memcpy(&word, group + 4, sizeof(word));
    return t.levels[group[point]][column % 8] * t.signs[word >> (7 * point) & 127U][column % 8];
}

double scale_of(const unsigned char* block, std::int64_t group) {
    F16 d{};
    __builtin_memcpy(&d, block, sizeof(d));
    return to_float(d) * (0.5 + (block[2 + 8 * group + 7] >> 4)) * 0.25;
}

template <bool kResidual>
float dot_row(const BlockMatrix& m, const unsigned char* x, std::int64_t row) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    const KernelTables& tables = kernel_tables();
    const unsigned char* block = m.blocks + row * m.row_bytes;
    double sum = 0;
    for (std::int64_t b = 0; b < m.row_blocks; ++b, block += kBlockBytes, x += kLayout.stride) {
        const auto* const high = reinterpret_cast<const std::int8_t*>(x);
        const auto* const scales = reinterpret_cast<const float*>(x + kLayout.scales);
        for (std::int64_t i = 0; i < kChunkColumns; ++i) {
            const std::int64_t column = lane_column<LaneOrder>(i);
            const int value = kResidual ? high[i] * 256 + high[kChunkColumns + i] : high[i];
            sum += scale_of(block, column / 32) * scales[i % kVectorBytes / 4] * signed_level(tables, block, column) *
                   value;
        }
    }
    return static_cast<float>(sum);
}

template <bool kResidual>
void product(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns, float* y) {
    const BlockMatrix& m = *static_cast<const BlockMatrix*>(matrix);
    const std::int64_t step = m.row_blocks * arranged_int8(kResidual).stride;
    for (std::int64_t r = 0; r < rows; ++r) {
        const unsigned char* const row = static_cast<const unsigned char*>(x) + r * step;
        for (std::int64_t j = 0; j < columns; ++j) y[r * columns + j] = dot_row<kResidual>(m, row, first + j);
    }
}

}  // namespace

void arrange_int8x2_ref(const void* matrix, const float* x, void* out) {
    arrange_int8_lanes<LaneOrder, true>(x, static_cast<const BlockMatrix*>(matrix)->in, out);
}

void arrange_int8_ref(const void* matrix, const float* x, void* out) {
    arrange_int8_lanes<LaneOrder, false>(x, static_cast<const BlockMatrix*>(matrix)->in, out);
}

void iq2_xxs_gemv_int8x2_ref(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                             std::int64_t columns, float* y) {
    product<true>(matrix, x, rows, first, columns, y);
}

void iq2_xxs_gemv_int8_ref(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                           std::int64_t columns, float* y) {
    product<false>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::iq2_xxs
