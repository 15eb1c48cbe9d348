// trellis_gemv_f32_ref, trellis_gemv_int8x2_ref, trellis_gemv_int8_ref: what the fast ones compute, weight by weight.
#include "runtime/formats/trellis/arrange_inl.h"

namespace dwubit::trellis {
namespace {

float weight_value(const Matrix& m, std::uint32_t state, std::int64_t column) {
    if (m.code != Code::kHyb) return m.values[state];
    return m.values[2 * (hyb_hash(state) >> 6 & (kPairs - 1)) + static_cast<std::uint32_t>(column % 2)];
}

float dot_row_f32(const Matrix& m, const float* x, std::int64_t row) {
    const bool fragments = in_fragments(m.code, m.bits);
    const unsigned char* const tile = band(m, row / kTile);
    double sum = 0;
    for (std::int64_t c = 0; c < m.in; ++c) {
        const unsigned char* const at = tile + c / kTile * tile_bytes(m.bits);
        sum += double{x[c / kTile * kTile + float_place(fragments, c % kTile)]} *
               weight_value(m, state_of(m, at, row % kTile, c % kTile), c % kTile);
    }
    return static_cast<float>(sum * double{m.scale});
}

float dot_row_int8(const Matrix& m, const unsigned char* x, std::int64_t row) {
    const Line line = line_of(m.code);
    const unsigned char* const tile = band(m, row / kTile);
    double sum = 0;
    for (std::int64_t first = 0; first < m.in; first += kBlock, x += kBlockBytes) {
        const auto* const words = reinterpret_cast<const std::int16_t*>(x);
        const auto* const trailer = reinterpret_cast<const Trailer*>(x + kBlockTrailer);
        std::int64_t dot = 0;
        for (std::int64_t c = first; c < first + kBlock && c < m.in; ++c) {
            const unsigned char* const at = tile + c / kTile * tile_bytes(m.bits);
            const std::uint32_t state = state_of(m, at, row % kTile, c % kTile);
            const std::uint32_t hash = m.code == Code::k1Mad ? k1MadFactor * state + k1MadTerm : kMul1Factor * state;
            dot += std::int64_t{byte_sum(hash)} * words[2 * (c - first)];
        }
        sum += double{line.slope} * trailer->scale * static_cast<double>(dot - trailer->surplus);
        sum += double{line.rest} * trailer->sum;
    }
    return static_cast<float>(sum * double{m.scale});
}

void product_int8(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                  float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    for (std::int64_t r = 0; r < rows; ++r) {
        const auto* const row = static_cast<const unsigned char*>(x) + r * blocks(m) * kBlockBytes;
        for (std::int64_t j = 0; j < columns; ++j) y[r * columns + j] = dot_row_int8(m, row, first + j);
    }
}

}  // namespace

void arrange_f32(const void* matrix, const float* x, void* out) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const bool fragments = in_fragments(m.code, m.bits);
    auto* const to = static_cast<float*>(out);
    for (std::int64_t c = 0; c < m.in; ++c) to[c / kTile * kTile + float_place(fragments, c % kTile)] = x[c];
}

void arrange_int8x2_ref(const void* matrix, const float* x, void* out) {
    arrange_int8<true, Copies::kTwoWords>(matrix, x, out);
}

void arrange_int8_ref(const void* matrix, const float* x, void* out) {
    arrange_int8<false, Copies::kTwoWords>(matrix, x, out);
}

void trellis_gemv_f32_ref(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                          std::int64_t columns, float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    for (std::int64_t r = 0; r < rows; ++r) {
        const auto* const row = static_cast<const float*>(x) + r * m.in;
        for (std::int64_t j = 0; j < columns; ++j) y[r * columns + j] = dot_row_f32(m, row, first + j);
    }
}

void trellis_gemv_int8x2_ref(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                             std::int64_t columns, float* y) {
    product_int8(matrix, x, rows, first, columns, y);
}

void trellis_gemv_int8_ref(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                           std::int64_t columns, float* y) {
    product_int8(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::trellis
