#include "runtime/ops/rope/rope.h"

#include <cmath>
#include <numbers>

#include "base/check.h"

namespace dwubit {
namespace {

// Long waves are divided by `factor`, short ones kept, those between blended by how often they fit the original
// context.
float llama3_frequency(float frequency, const RopeConfig& config) {
    const double wavelength = 2.0 * std::numbers::pi / frequency;
    const auto context = static_cast<double>(config.original_context);
    if (wavelength < context / config.high_freq_factor) return frequency;
    if (wavelength > context / config.low_freq_factor) return static_cast<float>(frequency / config.factor);
    const double smooth =
        (context / wavelength - config.low_freq_factor) / (config.high_freq_factor - config.low_freq_factor);
    return static_cast<float>((1.0 - smooth) * frequency / config.factor + smooth * frequency);
}

}  // namespace

std::vector<float> rope_inverse_frequencies(const RopeConfig& config, std::int64_t head_dim) {
    DWUBIT_CHECK(head_dim > 0 && head_dim % 2 == 0);
    std::vector<float> frequencies(static_cast<std::size_t>(head_dim / 2));
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
        const float power = std::pow(static_cast<float>(config.theta), exponent);
        const float frequency = 1.0f / power;
        switch (config.scaling) {
            case RopeScaling::kNone:
                frequencies[i] = frequency;
                break;
            case RopeScaling::kLinear:
                frequencies[i] = static_cast<float>(frequency / config.factor);
                break;
            case RopeScaling::kLlama3:
                frequencies[i] = llama3_frequency(frequency, config);
                break;
        }
    }
    return frequencies;
}

void RopeTable::grow(std::int64_t positions) {
    const auto have = static_cast<std::int64_t>(cosine_.size()) / half();
    if (positions <= have) return;
    cosine_.resize(static_cast<std::size_t>(positions * half()));
    sine_.resize(cosine_.size());
    for (std::int64_t p = have; p < positions; ++p) {
        for (std::int64_t i = 0; i < half(); ++i) {
            const float angle = static_cast<float>(p) * frequencies_[static_cast<std::size_t>(i)];
            cosine_[static_cast<std::size_t>(p * half() + i)] =
                static_cast<float>(std::cos(static_cast<double>(angle)));
            sine_[static_cast<std::size_t>(p * half() + i)] = static_cast<float>(std::sin(static_cast<double>(angle)));
        }
    }
}

}  // namespace dwubit
