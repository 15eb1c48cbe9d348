// IQ2_XXS as llama.cpp encodes it. The search takes the levels for 1, 3, 5 where the decoder has 1, 3.125, 5.375, and
// signs are settled first: encode_iq2_xxs_exhaustive.cpp does better in the same format.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "ggml/encode.h"
#include "ggml/fit.h"
#include "ggml/iq2_grid.h"
#include "ggml/layout.h"

namespace dwubit::ggml {
namespace {

constexpr int kGroup = 32;
constexpr int kGroups = kSuper / kGroup;
constexpr int kPoints = kGroup / 8;
constexpr int kTries = 6;  // scales on either side of the first

// A group of 32 weights while it is encoded.
struct Group {
    float x[kGroup];     // magnitudes; one of eight may be negative, so that the number of minus signs is even
    float w[kGroup];     // weights of squared errors
    float near[kGroup];  // weights when a point of the grid is chosen: the roots of w
    unsigned signs[kPoints];
};

// Signs apart from magnitudes. Of an odd number of minus signs the one that costs least is given up.
void split_signs(const float* x, Group& group) {
    for (int k = 0; k < kPoints; ++k) {
        const int first = 8 * k;
        unsigned signs = 0;
        for (int i = 0; i < 8; ++i) {
            const bool negative = !(x[first + i] >= 0);
            group.x[first + i] = negative ? -x[first + i] : x[first + i];
            signs |= static_cast<unsigned>(negative) << i;
        }
        if (__builtin_popcount(signs) % 2 == 1) {
            const auto cost = [&](int i) { return group.w[first + i] * x[first + i] * x[first + i]; };
            int least = 0;
            for (int i = 1; i < 8; ++i) least = cost(i) < cost(least) ? i : least;
            group.x[first + least] = -group.x[first + least];
            signs ^= 1u << least;
        }
        group.signs[k] = signs & 127u;
    }
}

unsigned round_levels(const float* x, float inverse) {
    unsigned levels = 0;
    for (int i = 0; i < 8; ++i) {
        const int level = std::clamp(nearest_int(0.5f * (inverse * x[i] - 1)), 0, kLevels - 1);
        levels |= static_cast<unsigned>(level) << (2 * i);
    }
    return levels;
}

int nearest_point(const Iq2Grid& grid, unsigned levels, const float* x, const float* w, float scale) {
    const int known = grid.index_of(levels);
    if (known >= 0) return known;
    const auto near = grid.near(levels);
    int best = near[0];
    float least = FLT_MAX;
    for (const int point : near) {
        const auto& values = grid.values(point);
        float sum = 0;
        for (std::size_t i = 0; i < 8; ++i) {
            const float off = scale * values[i] - x[i];
            sum += w[i] * off * off;
        }
        if (sum < least) {
            least = sum;
            best = point;
        }
    }
    return best;
}

// The points for a scale, and the sums of w x q and w q q.
struct Choice {
    int points[kPoints] = {};
    float xq = 0;
    float q2 = 0;
};

Choice choose_points(const Iq2Grid& grid, const Group& group, float inverse, float scale) {
    Choice choice;
    for (int k = 0; k < kPoints; ++k) {
        const float* const x = group.x + 8 * k;
        choice.points[k] = nearest_point(grid, round_levels(x, inverse), x, group.near + 8 * k, scale);
        const auto& values = grid.values(choice.points[k]);
        for (int i = 0; i < 8; ++i) {
            const float w = group.w[8 * k + i];
            const float q = values[static_cast<std::size_t>(i)];
            choice.xq += w * x[i] * q;
            choice.q2 += w * q * q;
        }
    }
    return choice;
}

// Points and signs of a group to its 8 bytes; returns its scale.
float encode_group(const Iq2Grid& grid, Group& group, Byte* out) {
    const float largest = *std::max_element(group.x, group.x + kGroup);
    if (largest < kLeastGroup) return 0;
    std::uint8_t unused[kGroup];
    float scale = fit_unsigned(kGroup, kLevels + 1, group.x, group.w, unused);
    const float most = scale * kLevels;
    if (!(most > 0)) return 0;
    Choice chosen;
    float best = 0;
    for (int step = -kTries; step <= kTries; ++step) {
        const float inverse = (5 + static_cast<float>(step) * 0.1f) / most;
        const Choice choice = choose_points(grid, group, inverse, 1 / inverse);
        if (choice.q2 > 0 && choice.xq * choice.xq > best * choice.q2) {
            scale = choice.xq / choice.q2;
            best = scale * choice.xq;
            chosen = choice;
        }
    }
    if (scale > 0) {
        chosen = choose_points(grid, group, 1 / scale, scale);
        if (chosen.q2 > 0) scale = chosen.xq / chosen.q2;
    }
    const bool negative = scale < 0;
    std::uint32_t signs = 0;
    for (int k = 0; k < kPoints; ++k) {
        out[k] = static_cast<Byte>(chosen.points[k]);
        signs |= (negative ? ~group.signs[k] & 127u : group.signs[k]) << (7 * k);
    }
    std::memcpy(out + 4, &signs, sizeof(signs));
    return std::fabs(scale);
}

void encode_block(const Iq2Grid& grid, const float* x, const float* importance, BlockIq2Xxs& block) {
    block = {};
    float sum = 0;
    for (int i = 0; i < kSuper; ++i) sum += x[i] * x[i];
    const float variance = sum / kSuper;
    float scales[kGroups];
    for (int g = 0; g < kGroups; ++g) {
        Group group;
        for (int i = 0; i < kGroup; ++i) {
            const float v = x[kGroup * g + i];
            group.w[i] = importance[kGroup * g + i] * std::sqrt(variance + v * v);
            group.near[i] = std::sqrt(group.w[i]);
        }
        split_signs(x + kGroup * g, group);
        scales[g] = encode_group(grid, group, block.qs + 8 * g);
    }
    const float largest = *std::max_element(scales, scales + kGroups);
    if (!(largest > 0)) {
        block = {};
        return;
    }
    const float d = largest / 31;
    write_f16(d, block.d);
    const float inverse = 1 / d;
    for (int g = 0; g < kGroups; ++g) {
        const int code = std::clamp(nearest_int(0.5f * (inverse * scales[g] - 1)), 0, 15);
        block.qs[8 * g + 7] = static_cast<Byte>(block.qs[8 * g + 7] | code << 4);
    }
}

}  // namespace

void encode_iq2_xxs(const float* row, std::int64_t blocks, const float* importance, std::byte* out) {
    const Iq2Grid& grid = Iq2Grid::xxs();
    for (std::int64_t b = 0; b < blocks; ++b) {
        encode_block(grid, row + b * kSuper, importance + b * kSuper, reinterpret_cast<BlockIq2Xxs*>(out)[b]);
    }
}

}  // namespace dwubit::ggml
