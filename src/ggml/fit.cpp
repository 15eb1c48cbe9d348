#include "ggml/fit.h"

#include <algorithm>
#include <cmath>

namespace dwubit::ggml {
namespace {

constexpr int kMostSweeps = 5;
constexpr int kMost = 32;  // numbers in a group

int round_signed(float x, int nmax) {
    return std::clamp(nearest_int(x), -nmax, nmax - 1);
}

// Sums of w x l and w l l.
struct Sums {
    float xl = 0;
    float l2 = 0;
};

Sums signed_sums(int n, int nmax, float inverse, const float* x, const float* w) {
    Sums sums;
    for (int i = 0; i < n; ++i) {
        const auto l = static_cast<float>(round_signed(inverse * x[i], nmax));
        sums.xl += w[i] * x[i] * l;
        sums.l2 += w[i] * l * l;
    }
    return sums;
}

void signed_codes(int n, int nmax, float inverse, const float* x, std::uint8_t* codes) {
    for (int i = 0; i < n; ++i) codes[i] = static_cast<std::uint8_t>(nmax + round_signed(inverse * x[i], nmax));
}

// One after the other each code is moved where that makes the fit better; true if any was.
bool sweep(int n, int nmax, const float* x, const float* w, std::uint8_t* codes, Sums& sums) {
    bool changed = false;
    for (int i = 0; i < n; ++i) {
        const auto old = static_cast<float>(codes[i]);
        float xl = sums.xl - w[i] * x[i] * old;
        float l2 = sums.l2 - w[i] * old * old;
        if (!(xl > 0 && l2 > 0)) continue;
        const int code = std::min(nmax, nearest_int(x[i] * l2 / xl));
        if (code == codes[i]) continue;
        const auto l = static_cast<float>(code);
        xl += w[i] * x[i] * l;
        l2 += w[i] * l * l;
        if (xl * xl * sums.l2 > sums.xl * sums.xl * l2) {
            codes[i] = static_cast<std::uint8_t>(code);
            sums = {xl, l2};
            changed = true;
        }
    }
    return changed;
}

// The factor 1 / scale among nine of the least error.
float best_unsigned_inverse(int n, int nmax, float largest, const float* x, const float* w) {
    float best_inverse = static_cast<float>(nmax) / largest;
    const float scale = 1 / best_inverse;
    float best = 0;
    for (int i = 0; i < n; ++i) {
        const auto code = static_cast<std::uint8_t>(nearest_int(best_inverse * x[i]));  // wraps where x is negative
        const float off = x[i] - scale * static_cast<float>(code);
        best += w[i] * off * off;
    }
    for (int step = -4; step <= 4; ++step) {
        if (step == 0) continue;
        const float inverse = (0.1f * static_cast<float>(step) + static_cast<float>(nmax)) / largest;
        const float some = 1 / inverse;
        float error = 0;
        for (int i = 0; i < n; ++i) {
            const int code = std::min(nmax, nearest_int(inverse * x[i]));
            const float off = x[i] - some * static_cast<float>(code);
            error += w[i] * off * off;
        }
        if (error < best) {
            best = error;
            best_inverse = inverse;
        }
    }
    return best_inverse;
}

float weighted_error(int n, const float* x, const float* w, float scale, float min, const std::uint8_t* codes,
                     bool absolute) {
    float error = 0;
    for (int i = 0; i < n; ++i) {
        const float off = scale * static_cast<float>(codes[i]) + min - x[i];
        error += w[i] * (absolute ? std::fabs(off) : off * off);
    }
    return error;
}

}  // namespace

float fit_signed(int n, int nmax, const float* x, const float* w, std::uint8_t* codes) {
    float largest = 0;
    float extreme = 0;
    for (int i = 0; i < n; ++i) {
        if (std::fabs(x[i]) > largest) {
            largest = std::fabs(x[i]);
            extreme = x[i];
        }
    }
    if (largest < kLeastGroup) {
        std::fill_n(codes, n, std::uint8_t{0});
        return 0;
    }
    float inverse = static_cast<float>(-nmax) / extreme;
    signed_codes(n, nmax, inverse, x, codes);
    const Sums first = signed_sums(n, nmax, inverse, x, w);
    float scale = first.l2 != 0 ? first.xl / first.l2 : 0.0f;
    float best = scale * first.xl;
    for (int step = -9; step <= 9; ++step) {
        if (step == 0) continue;
        inverse = -(static_cast<float>(nmax) + 0.1f * static_cast<float>(step)) / extreme;
        const Sums sums = signed_sums(n, nmax, inverse, x, w);
        if (sums.l2 > 0 && sums.xl * sums.xl > best * sums.l2) {
            signed_codes(n, nmax, inverse, x, codes);
            scale = sums.xl / sums.l2;
            best = scale * sums.xl;
        }
    }
    return scale;
}

float fit_unsigned(int n, int nmax, const float* x, const float* w, std::uint8_t* codes) {
    float largest = 0;
    for (int i = 0; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
    if (largest < kLeastGroup) {
        std::fill_n(codes, n, std::uint8_t{0});
        return 0;
    }
    const float inverse = best_unsigned_inverse(n, nmax, largest, x, w);
    Sums sums;
    for (int i = 0; i < n; ++i) {
        const int code = std::min(nmax, nearest_int(inverse * x[i]));
        codes[i] = static_cast<std::uint8_t>(code);
        const auto l = static_cast<float>(code);
        sums.xl += w[i] * x[i] * l;
        sums.l2 += w[i] * l * l;
    }
    for (int i = 0; i < kMostSweeps && sweep(n, nmax, x, w, codes, sums); ++i) {
    }
    return sums.l2 > 0 ? sums.xl / sums.l2 : 0.0f;
}

float fit_scale_min(int n, int nmax, const float* x, const float* w, const ScaleSearch& search, std::uint8_t* codes,
                    float* min) {
    float low = x[0];
    float high = x[0];
    float sum_w = w[0];
    float sum_x = sum_w * x[0];
    for (int i = 1; i < n; ++i) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        sum_w += w[i];
        sum_x += w[i] * x[i];
    }
    if (low > 0) low = 0;
    *min = -low;
    if (high <= low) {
        std::fill_n(codes, n, std::uint8_t{0});
        return 0;
    }
    const auto round_all = [&](float inverse, std::uint8_t* to) {
        for (int i = 0; i < n; ++i) {
            to[i] = static_cast<std::uint8_t>(std::clamp(nearest_int(inverse * (x[i] - low)), 0, nmax));
        }
    };
    const float inverse = static_cast<float>(nmax) / (high - low);
    float scale = 1 / inverse;
    round_all(inverse, codes);
    float best = weighted_error(n, x, w, scale, low, codes, search.absolute);
    std::uint8_t tried[kMost];
    for (int step = 0; step <= search.count; ++step) {
        round_all((search.first + search.step * static_cast<float>(step) + static_cast<float>(nmax)) / (high - low),
                  tried);
        float sum_l = 0;
        float sum_l2 = 0;
        float sum_xl = 0;
        for (int i = 0; i < n; ++i) {
            const auto l = static_cast<float>(tried[i]);
            sum_l += w[i] * l;
            sum_l2 += w[i] * l * l;
            sum_xl += w[i] * l * x[i];
        }
        const float determinant = sum_w * sum_l2 - sum_l * sum_l;
        if (!(determinant > 0)) continue;
        float this_scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
        float this_min = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
        if (this_min > 0) {
            this_min = 0;
            this_scale = sum_xl / sum_l2;
        }
        const float error = weighted_error(n, x, w, this_scale, this_min, tried, search.absolute);
        if (error < best) {
            std::copy_n(tried, n, codes);
            best = error;
            scale = this_scale;
            low = this_min;
        }
    }
    *min = -low;
    return scale;
}

}  // namespace dwubit::ggml
