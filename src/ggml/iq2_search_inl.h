// The search of iq2_search.h in plain loops, which the compiler turns into vector code with each file's flags; every
// level gives the same bits.
#pragma once

#include <cstring>

#include "ggml/iq2_search.h"

namespace dwubit::ggml {
namespace {

constexpr int kPoints = 256;
constexpr int kLanes = 16;  // of partial minima
constexpr int kBlock = 256;
constexpr int kGroups = 8;  // of a block, with a scale each
constexpr int kEights = 4;  // of a group
constexpr int kCodes = 16;  // a scale is (2 code + 1) times a unit
constexpr int kFirstScales = 24;
constexpr int kUnits = 12;  // tried for a block
constexpr int kRefits = 3;
constexpr float kLargestLevel = 43;
constexpr float kUnitsPerD = 8;  // a weight is d (2 code + 1) / 8 times a level

// Of eight weights.
struct Eight {
    alignas(64) float linear[kPoints];  // A
    alignas(64) float square[kPoints];  // B
    float products[8];                  // w a
    unsigned signs;
};

struct Group {
    Eight eights[kEights];
    float largest;  // magnitude
};

// What a group was given.
struct Choice {
    int code = 0;
    unsigned char points[kEights] = {};
    double linear = 0;  // sums over its points
    double square = 0;
};

inline void prepare_squares(const Iq2SearchTable& t, const float* w, Eight& e) {
    for (int p = 0; p < kPoints; ++p) e.square[p] = 0;
    for (int i = 0; i < 8; ++i) {
        for (int p = 0; p < kPoints; ++p) e.square[p] += w[i] * t.square[i][p];
    }
}

inline void prepare_linears(const Iq2SearchTable& t, const float* x, const float* w, Eight& e) {
    e.signs = 0;
    for (int p = 0; p < kPoints; ++p) e.linear[p] = 0;
    for (int i = 0; i < 8; ++i) {
        const bool negative = x[i] < 0;
        e.signs |= static_cast<unsigned>(negative) << i;
        e.products[i] = w[i] * (negative ? -x[i] : x[i]);
        for (int p = 0; p < kPoints; ++p) e.linear[p] += e.products[i] * t.level[i][p];
    }
    if (__builtin_popcount(e.signs) % 2 == 0) return;
    alignas(64) float least[kPoints];
    for (int p = 0; p < kPoints; ++p) least[p] = e.products[0] * t.level[0][p];
    for (int i = 1; i < 8; ++i) {
        for (int p = 0; p < kPoints; ++p) {
            const float flip = e.products[i] * t.level[i][p];
            least[p] = flip < least[p] ? flip : least[p];
        }
    }
    for (int p = 0; p < kPoints; ++p) e.linear[p] -= 2 * least[p];
}

// The least cost over all points, less what no choice changes.
inline float least_cost(const Eight& e, float scale) {
    float least[kLanes];
    const float twice = 2 * scale;
    const float squared = scale * scale;
    for (int l = 0; l < kLanes; ++l) least[l] = squared * e.square[l] - twice * e.linear[l];
    for (int p = kLanes; p < kPoints; p += kLanes) {
        for (int l = 0; l < kLanes; ++l) {
            const float cost = squared * e.square[p + l] - twice * e.linear[p + l];
            least[l] = cost < least[l] ? cost : least[l];
        }
    }
    float best = least[0];
    for (int l = 1; l < kLanes; ++l) best = least[l] < best ? least[l] : best;
    return best;
}

// The first point of that cost.
inline int cheapest_point(const Eight& e, float scale) {
    const float best = least_cost(e, scale);
    const float twice = 2 * scale;
    const float squared = scale * scale;
    for (int p = 0; p < kPoints; ++p) {
        if (squared * e.square[p] - twice * e.linear[p] == best) return p;
    }
    return 0;
}

inline double group_cost(const Group& g, float scale) {
    double sum = 0;
    for (int k = 0; k < kEights; ++k) sum += least_cost(g.eights[k], scale);
    return sum;
}

// The best scale for the points that are best at `scale`.
inline float refit(const Group& g, float scale) {
    double linear = 0;
    double square = 0;
    for (int k = 0; k < kEights; ++k) {
        const int p = cheapest_point(g.eights[k], scale);
        linear += g.eights[k].linear[p];
        square += g.eights[k].square[p];
    }
    return linear > 0 && square > 0 ? static_cast<float>(linear / square) : scale;
}

// A scale of the group by itself: the best of some, then for its points.
inline float free_scale(const Group& g) {
    if (g.largest <= 0) return 0;
    float best = 0;
    double least = 0;
    for (int i = 0; i < kFirstScales; ++i) {
        const float scale = g.largest * (0.3f + 0.05f * static_cast<float>(i)) / kLargestLevel;
        const double cost = group_cost(g, scale);
        if (i == 0 || cost < least) {
            least = cost;
            best = scale;
        }
    }
    return refit(g, best);
}

// Codes at or next to the free scales, in units of `unit`; returns the block's cost.
inline double choose_codes(const Group* groups, const float* scales, float unit, Choice* choices) {
    double total = 0;
    for (int g = 0; g < kGroups; ++g) {
        const float at = (scales[g] / unit - 1) / 2;
        const float top = kCodes - 1;
        const int low = static_cast<int>(at > 0 ? (at < top ? at : top) : 0);
        double least = 0;
        for (int code = low; code <= low + 1 && code < kCodes; ++code) {
            const double cost = group_cost(groups[g], unit * static_cast<float>(2 * code + 1));
            if (code == low || cost < least) {
                least = cost;
                choices[g].code = code;
            }
        }
        total += least;
    }
    return total;
}

inline void choose_points(const Group* groups, float unit, Choice* choices) {
    for (int g = 0; g < kGroups; ++g) {
        Choice& c = choices[g];
        c.linear = c.square = 0;
        for (int k = 0; k < kEights; ++k) {
            const Eight& e = groups[g].eights[k];
            const int p = cheapest_point(e, unit * static_cast<float>(2 * c.code + 1));
            c.points[k] = static_cast<unsigned char>(p);
            c.linear += e.linear[p];
            c.square += e.square[p];
        }
    }
}

// The best unit for codes and points as they are.
inline float best_unit(const Choice* choices, float unit) {
    double linear = 0;
    double square = 0;
    for (int g = 0; g < kGroups; ++g) {
        const double times = 2 * choices[g].code + 1;
        linear += times * choices[g].linear;
        square += times * times * choices[g].square;
    }
    return linear > 0 && square > 0 ? static_cast<float>(linear / square) : unit;
}

// The unit that the block will have: d is stored as F16.
struct Unit {
    std::uint16_t d;
    float value;
};

// Round to nearest even; finite and not negative, above 65504 is 65504.
inline Unit stored_unit(float unit) {
    const float d = unit * kUnitsPerD;
    Unit result{};
    if (d >= 65504.0f) {
        result.d = 0x7bff;
    } else if (d < 0x1p-14f) {  // adding 0.5 leaves the subnormal's bits at the low end
        const float shifted = d + 0.5f;
        result.d = static_cast<std::uint16_t>(__builtin_bit_cast(std::uint32_t, shifted) - 0x3f000000u);
    } else {
        const auto bits = __builtin_bit_cast(std::uint32_t, d);
        result.d = static_cast<std::uint16_t>((bits + 0xfffu + ((bits >> 13) & 1u) - 0x38000000u) >> 13);
    }
    const unsigned exponent = result.d >> 10;
    const unsigned mantissa = result.d & 0x3ffu;
    const float value = exponent == 0 ? static_cast<float>(mantissa) * 0x1p-24f
                                      : __builtin_bit_cast(float, ((exponent + 112u) << 23) | (mantissa << 13));
    result.value = value / kUnitsPerD;
    return result;
}

// The eight signs for a point; of an odd number of minus signs the cheapest is given up.
inline unsigned signs_for(const Iq2SearchTable& t, const Eight& e, int point) {
    if (__builtin_popcount(e.signs) % 2 == 0) return e.signs;
    int least = 0;
    for (int i = 1; i < 8; ++i) {
        if (e.products[i] * t.level[i][point] < e.products[least] * t.level[least][point]) least = i;
    }
    return e.signs ^ 1u << least;
}

// Points and signs of a group: four indices, four times seven signs, the code.
inline void store_group(const Iq2SearchTable& t, const Group& g, const Choice& c, unsigned char* out) {
    std::uint32_t word = static_cast<std::uint32_t>(c.code) << 28;
    for (int k = 0; k < kEights; ++k) {
        out[k] = c.points[k];
        word |= (signs_for(t, g.eights[k], c.points[k]) & 127u) << (7 * k);
    }
    __builtin_memcpy(out + 4, &word, sizeof(word));
}

inline void prepare_groups(const Iq2SearchTable& t, const float* x, const float* importance, Iq2Weighting weighting,
                           Group* groups) {
    float sum = 0;
    for (int i = 0; i < kBlock; ++i) sum += x[i] * x[i];
    const float variance = sum / kBlock;
    float w[kBlock];
    for (int i = 0; i < kBlock; ++i) {
        w[i] = importance[i];
        if (weighting == Iq2Weighting::kReference) w[i] *= __builtin_sqrtf(variance + x[i] * x[i]);
    }
    for (int g = 0; g < kGroups; ++g) {
        groups[g].largest = 0;
        for (int i = 32 * g; i < 32 * (g + 1); ++i) {
            const float size = x[i] < 0 ? -x[i] : x[i];
            groups[g].largest = size > groups[g].largest ? size : groups[g].largest;
        }
        for (int k = 0; k < kEights; ++k) {
            prepare_squares(t, w + 32 * g + 8 * k, groups[g].eights[k]);
            prepare_linears(t, x + 32 * g + 8 * k, w + 32 * g + 8 * k, groups[g].eights[k]);
        }
    }
}

inline void search_block(const Iq2SearchTable& t, const float* x, const float* importance, Iq2Weighting weighting,
                         unsigned char* out) {
    Group groups[kGroups];
    prepare_groups(t, x, importance, weighting, groups);
    float scales[kGroups];
    float largest = 0;
    for (int g = 0; g < kGroups; ++g) {
        scales[g] = free_scale(groups[g]);
        largest = scales[g] > largest ? scales[g] : largest;
    }
    Unit unit{};
    double least = 0;
    Choice choices[kGroups];
    for (int i = 0; i < kUnits; ++i) {  // the largest scale at codes 15 to 12, and between them
        const Unit tried = stored_unit(largest / (31.5f - 0.75f * static_cast<float>(i)));
        if (tried.value == 0) continue;
        Choice some[kGroups];
        const double cost = choose_codes(groups, scales, tried.value, some);
        if (unit.value != 0 && cost >= least) continue;
        least = cost;
        unit = tried;
        for (int g = 0; g < kGroups; ++g) choices[g] = some[g];
    }
    for (int i = 0; i < 66; ++i) out[i] = 0;
    if (unit.value == 0) return;
    choose_points(groups, unit.value, choices);
    for (int i = 0; i < kRefits; ++i) {
        const Unit tried = stored_unit(best_unit(choices, unit.value));
        if (tried.value == 0 || tried.d == unit.d) break;
        Choice some[kGroups];
        const double cost = choose_codes(groups, scales, tried.value, some);
        if (cost >= least) break;
        least = cost;
        unit = tried;
        choose_points(groups, unit.value, some);
        for (int g = 0; g < kGroups; ++g) choices[g] = some[g];
    }
    __builtin_memcpy(out, &unit.d, sizeof(unit.d));
    for (int g = 0; g < kGroups; ++g) store_group(t, groups[g], choices[g], out + 2 + 8 * g);
}

inline void search_row(const Iq2SearchTable& t, const float* row, std::int64_t blocks, const float* importance,
                       Iq2Weighting weighting, std::byte* out) {
    for (std::int64_t b = 0; b < blocks; ++b) {
        search_block(t, row + b * kBlock, importance + b * kBlock, weighting,
                     reinterpret_cast<unsigned char*>(out) + b * 66);
    }
}

inline void round_eights(const Iq2SearchTable& t, const float* target, const float* weights, const float* scales,
                         std::int64_t rows, float* value, std::int32_t* codes) {
    Eight e;
    prepare_squares(t, weights, e);
    for (std::int64_t r = 0; r < rows; ++r) {
        float x[8];
        for (int i = 0; i < 8; ++i) x[i] = target[i * rows + r];
        prepare_linears(t, x, weights, e);
        const int point = cheapest_point(e, scales[r]);
        const unsigned signs = signs_for(t, e, point);
        for (int i = 0; i < 8; ++i) {
            const float size = scales[r] * t.level[i][point];
            value[i * rows + r] = (signs >> i & 1u) != 0 ? -size : size;
        }
        codes[r] = static_cast<std::int32_t>(static_cast<unsigned>(point) | (signs & 127u) << 8);
    }
}

}  // namespace
}  // namespace dwubit::ggml
