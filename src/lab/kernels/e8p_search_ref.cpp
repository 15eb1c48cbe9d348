#include <limits>

#include "lab/kernels/e8p_search.h"

namespace dwubit {
namespace {

struct Nearest {
    double distance = 0;  // squared
    double value[8] = {};
    int code = 0;  // without the bit of the shift
};

// The nearest point of D^8 to y.
Nearest nearest_in_d8(const E8pSearchTable& table, const double (&y)[8]) {
    double folded[8];
    double sign[8];
    bool odd = false;
    for (int i = 0; i < 8; ++i) {
        sign[i] = y[i] < 0 ? -1 : 1;
        odd ^= y[i] < 0;
    }
    if (odd) sign[7] = -sign[7];
    for (int i = 0; i < 8; ++i) folded[i] = y[i] * sign[i];
    int best = 0;
    double highest = -std::numeric_limits<double>::infinity();
    for (int g = 0; g < kE8pPoints; ++g) {
        double score = table.bias[g];
        for (int i = 0; i < 8; ++i) score += folded[i] * table.point[i][g];
        if (score <= highest) continue;
        highest = score;
        best = g;
    }
    Nearest nearest;
    unsigned negative = 0;
    for (int i = 0; i < 8; ++i) {
        nearest.value[i] = sign[i] * table.point[i][best];
        nearest.distance += (y[i] - nearest.value[i]) * (y[i] - nearest.value[i]);
        if (nearest.value[i] < 0) negative |= 1U << i;
    }
    nearest.code = table.row[best] << 8 | (table.spread[negative] ^ table.odd[table.row[best]]);
    return nearest;
}

}  // namespace

void e8p_search_f32_ref(const E8pSearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                        std::int32_t* codes, float* values, std::int64_t value_stride) {
    for (std::int64_t r = 0; r < count; ++r) {
        double up[8];
        double down[8];
        for (int i = 0; i < 8; ++i) {
            up[i] = x[i * stride + r] + 0.25;
            down[i] = x[i * stride + r] - 0.25;
        }
        const Nearest with_up = nearest_in_d8(table, up);
        const Nearest with_down = nearest_in_d8(table, down);
        const bool is_up = with_up.distance < with_down.distance;
        const Nearest& nearest = is_up ? with_up : with_down;
        codes[r] = nearest.code ^ static_cast<int>(is_up);
        for (int i = 0; i < 8; ++i) {
            values[i * value_stride + r] = static_cast<float>(nearest.value[i] + (is_up ? -0.25 : 0.25));
        }
    }
}

void e8_search_f32_ref(const E8SearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                       std::int32_t* codes, float* values, std::int64_t value_stride) {
    for (std::int64_t r = 0; r < count; ++r) {
        double highest = -std::numeric_limits<double>::infinity();
        int best = 0;
        for (int g = 0; g < kE8Points; ++g) {
            double score = table.bias[g];
            for (int i = 0; i < 8; ++i) score += static_cast<double>(x[i * stride + r]) * table.point[i][g];
            if (!(score > highest)) continue;
            highest = score;
            best = g;
        }
        codes[r] = best;
        for (int i = 0; i < 8; ++i) values[i * value_stride + r] = table.point[i][best];
    }
}

}  // namespace dwubit
