// e8p_gemv_int8x2_ref, e8p_gemv_int8_ref: what the fast ones compute, code by code.
#include "runtime/formats/e8p/arrange_inl.h"

namespace dwubit::e8p {
namespace {

struct Sums {
    std::int32_t first[kLanes];
    std::int32_t second[kLanes];
};

// Value j of the lattice point in planes `plane` and plane + 1, times four.
int lattice_value(const KernelTables& t, const unsigned char* planes, std::int64_t count, int plane, std::int64_t code,
                  std::int64_t j) {
    const unsigned a = planes[plane * count + code];
    const unsigned s = planes[(plane + 1) * count + code];
    return t.rows[a][j] * t.signs[s][j] + t.shifts[s][j];
}

template <bool kResidual>
Sums chunk_dot(const Matrix& m, const unsigned char* planes, std::int64_t count, const unsigned char* x) {
    const auto* const high = reinterpret_cast<const std::int8_t*>(x);
    Sums sums{};
    for (std::int64_t i = 0; i < kChunkColumns; ++i) {
        const std::int64_t code = column_of(i) / 8;
        if (code >= count) continue;
        const std::int64_t lane = i % kVectorBytes / 4;
        const int value = kResidual ? high[i] * 256 + high[kChunkColumns + i] : high[i];
        sums.first[lane] += lattice_value(*m.tables, planes, count, 0, code, i % 8) * value;
        if (m.bits == 3) sums.second[lane] += m.tables->points[planes[2 * count + code]][i % 8] * value;
        if (m.bits == 4) sums.second[lane] += lattice_value(*m.tables, planes, count, 2, code, i % 8) * value;
    }
    return sums;
}

template <bool kResidual>
float dot_row(const Matrix& m, const unsigned char* x, std::int64_t row) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    const float second = m.bits == 3 ? 2 * m.second : m.second;  // points are in halves, values in quarters
    double sum = 0;
    for (std::int64_t c = 0; c < chunks(m); ++c, x += kLayout.stride) {
        const std::int64_t first = c * kChunkCodes;
        const std::int64_t count = m.blocks - first < kChunkCodes ? m.blocks - first : kChunkCodes;
        const Sums sums = chunk_dot<kResidual>(m, m.codes + (row * m.blocks + first) * m.bits, count, x);
        const auto* const scales = reinterpret_cast<const float*>(x + kLayout.scales);
        for (std::int64_t l = 0; l < kLanes; ++l) {
            sum += double{scales[l]} * (sums.first[l] + double{second} * sums.second[l]);
        }
    }
    return static_cast<float>(sum * double{m.scale} / 4);
}

template <bool kResidual>
void product(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns, float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const std::int64_t step = chunks(m) * arranged_int8(kResidual).stride;
    for (std::int64_t r = 0; r < rows; ++r) {
        const unsigned char* const row = static_cast<const unsigned char*>(x) + r * step;
        for (std::int64_t j = 0; j < columns; ++j) y[r * columns + j] = dot_row<kResidual>(m, row, first + j);
    }
}

}  // namespace

void arrange_int8x2_ref(const void* matrix, const float* x, void* out) {
    arrange_int8<true>(matrix, x, out);
}

void arrange_int8_ref(const void* matrix, const float* x, void* out) {
    arrange_int8<false>(matrix, x, out);
}

void e8p_gemv_int8x2_ref(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                         float* y) {
    product<true>(matrix, x, rows, first, columns, y);
}

void e8p_gemv_int8_ref(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                       float* y) {
    product<false>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::e8p
