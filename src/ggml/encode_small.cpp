// Floats, and the types with blocks of 32 weights.
#include <algorithm>
#include <cmath>

#include "ggml/encode.h"
#include "ggml/fit.h"
#include "ggml/layout.h"
#include "ggml/tables.h"

namespace dwubit::ggml {
namespace {

// The value of the largest magnitude, the first of several.
float extreme_of(const float* x) {
    float extreme = 0;
    for (int i = 0; i < kSmall; ++i) {
        if (std::fabs(extreme) < std::fabs(x[i])) extreme = x[i];
    }
    return extreme;
}

// Towards zero, of any float; what is no number becomes `low`.
int to_integer(float x, int low, int high) {
    if (!(x > static_cast<float>(low))) return low;
    return x < static_cast<float>(high) ? static_cast<int>(x) : high;
}

void pack_halves(const std::uint8_t* codes, Byte* qs) {
    for (int i = 0; i < 16; ++i) qs[i] = static_cast<Byte>(codes[i] | codes[16 + i] << 4);
}

// Codes of 0 to 2 kMost - 1 for scale * (code - kMost), the scale from the value of the largest magnitude; returns it.
template <int kMost>
float round_by_extreme(const float* x, std::uint8_t* codes) {
    const float d = extreme_of(x) / -kMost;
    const float inverse = d != 0 ? 1.0f / d : 0.0f;
    for (int i = 0; i < kSmall; ++i) {
        codes[i] = static_cast<std::uint8_t>(to_integer(x[i] * inverse + (kMost + 0.5f), 0, 2 * kMost - 1));
    }
    return d;
}

float sum_of_squares(const float* x, std::int64_t n) {
    float sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += x[i] * x[i];
    return sum;
}

// What Q4_0 and Q5_0 share: `store(b, d, codes)` for each block.
template <int kMost, class Store>
void encode_signed(const float* row, std::int64_t blocks, const float* importance, const Store& store) {
    const float variance = sum_of_squares(row, blocks * kSmall) / static_cast<float>(blocks * kSmall);
    for (std::int64_t b = 0; b < blocks; ++b) {
        const float* const x = row + b * kSmall;
        std::uint8_t codes[kSmall];
        if (importance == nullptr) {
            store(b, round_by_extreme<kMost>(x, codes), codes);
            continue;
        }
        float w[kSmall];
        for (int i = 0; i < kSmall; ++i) w[i] = importance[b * kSmall + i] * std::sqrt(variance + x[i] * x[i]);
        const float d = fit_signed(kSmall, kMost, x, w, codes);
        store(b, d, codes);
    }
}

// The index of the value of IQ4_NL nearest to x.
int nearest_value(float x) {
    const auto value = [](int i) { return static_cast<float>(kIq4NlValues[static_cast<std::size_t>(i)]); };
    if (x <= value(0)) return 0;
    int i = 1;
    while (i < 15 && x >= value(i)) ++i;  // value(i - 1) <= x < value(i), or behind the last
    if (x >= value(i)) return 15;
    return x - value(i - 1) < value(i) - x ? i - 1 : i;
}

struct Sums {
    float qx = 0;
    float q2 = 0;
};

Sums sums_of_values(float inverse, const float* x, const float* w) {
    Sums sums;
    for (int i = 0; i < kSmall; ++i) {
        const auto q = static_cast<float>(kIq4NlValues[static_cast<std::size_t>(nearest_value(inverse * x[i]))]);
        sums.qx += w[i] * q * x[i];
        sums.q2 += w[i] * q * q;
    }
    return sums;
}

float fit_iq4_nl(const float* x, const float* w) {
    const float extreme = extreme_of(x);
    if (std::fabs(extreme) < kLeastGroup) return 0;
    constexpr int kTries = 7;
    const auto lowest = static_cast<float>(kIq4NlValues[0]);
    const Sums first = sums_of_values(1 / (-extreme / lowest), x, w);
    float d = first.q2 > 0 ? first.qx / first.q2 : 0.0f;
    float best = d * first.qx;
    for (int step = -kTries; step <= kTries; ++step) {
        const Sums sums = sums_of_values((static_cast<float>(step) + lowest) / extreme, x, w);
        if (sums.q2 > 0 && sums.qx * sums.qx > best * sums.q2) {
            d = sums.qx / sums.q2;
            best = d * sums.qx;
        }
    }
    return d;
}

}  // namespace

void encode_f32(const float* row, std::int64_t blocks, const float* /*importance*/, std::byte* out) {
    std::memcpy(out, row, static_cast<std::size_t>(blocks) * sizeof(float));
}

void encode_f16(const float* row, std::int64_t blocks, const float* /*importance*/, std::byte* out) {
    auto* const bytes = reinterpret_cast<Byte*>(out);
    for (std::int64_t i = 0; i < blocks; ++i) write_f16(row[i], bytes + 2 * i);
}

void encode_bf16(const float* row, std::int64_t blocks, const float* /*importance*/, std::byte* out) {
    for (std::int64_t i = 0; i < blocks; ++i) {
        const Bf16 value = to_bf16(row[i]);
        std::memcpy(out + 2 * i, &value, sizeof(value));
    }
}

void encode_q4_0(const float* row, std::int64_t blocks, const float* importance, std::byte* out) {
    encode_signed<8>(row, blocks, importance, [&](std::int64_t b, float d, const std::uint8_t* codes) {
        BlockQ40& block = reinterpret_cast<BlockQ40*>(out)[b];
        write_f16(d, block.d);
        pack_halves(codes, block.qs);
    });
}

void encode_q5_0(const float* row, std::int64_t blocks, const float* importance, std::byte* out) {
    encode_signed<16>(row, blocks, importance, [&](std::int64_t b, float d, const std::uint8_t* codes) {
        BlockQ50& block = reinterpret_cast<BlockQ50*>(out)[b];
        write_f16(d, block.d);
        std::uint8_t low[kSmall];
        std::uint32_t high = 0;
        for (int i = 0; i < kSmall; ++i) {
            low[i] = codes[i] & 15;
            high |= static_cast<std::uint32_t>(codes[i] >> 4) << i;
        }
        std::memcpy(block.qh, &high, sizeof(high));
        pack_halves(low, block.qs);
    });
}

void encode_q8_0(const float* row, std::int64_t blocks, const float* /*importance*/, std::byte* out) {
    for (std::int64_t b = 0; b < blocks; ++b, row += kSmall) {
        BlockQ80& block = reinterpret_cast<BlockQ80*>(out)[b];
        float largest = 0;
        for (int i = 0; i < kSmall; ++i) largest = std::fabs(row[i]) > largest ? std::fabs(row[i]) : largest;
        const float d = largest / 127;
        const float inverse = d != 0 ? 1.0f / d : 0.0f;
        write_f16(d, block.d);
        for (int i = 0; i < kSmall; ++i) {
            block.qs[i] = static_cast<Byte>(to_integer(std::round(row[i] * inverse), -127, 127));
        }
    }
}

void encode_iq4_nl(const float* row, std::int64_t blocks, const float* importance, std::byte* out) {
    for (std::int64_t b = 0; b < blocks; ++b, row += kSmall) {
        BlockIq4Nl& block = reinterpret_cast<BlockIq4Nl*>(out)[b];
        const float variance = sum_of_squares(row, kSmall) * (2.0f / kSmall);
        float w[kSmall];
        for (int i = 0; i < kSmall; ++i) {
            w[i] = importance == nullptr ? row[i] * row[i]
                                         : importance[b * kSmall + i] * std::sqrt(variance + row[i] * row[i]);
        }
        const float d = fit_iq4_nl(row, w);
        const float inverse = d != 0 ? 1 / d : 0;
        write_f16(d, block.d);
        std::uint8_t codes[kSmall];
        for (int i = 0; i < kSmall; ++i) codes[i] = static_cast<std::uint8_t>(nearest_value(inverse * row[i]));
        pack_halves(codes, block.qs);
    }
}

}  // namespace dwubit::ggml
