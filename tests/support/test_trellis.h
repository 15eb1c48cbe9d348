// A trellis and its values, Gaussian tiles and what a path is worth, for tests of encoders.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/philox.h"
#include "lab/kernels/hyb_table.h"
#include "lab/kernels/viterbi.h"
#include "runtime/formats/trellis/code.h"

namespace dwubit::testing {

struct TestTrellis {
    TestTrellis(std::string name_of_code, int bits_, int step_values_, std::vector<float> values_of_states)
        : name(std::move(name_of_code) + " of " + std::to_string(bits_) + " bits"),
          bits(bits_),
          step_values(step_values_),
          values(std::move(values_of_states)) {
        double squares = 0;
        for (const float value : values) squares += static_cast<double>(value) * value;
        rms = static_cast<float>(std::sqrt(squares / static_cast<double>(values.size())));
    }
    ViterbiTrellis trellis() const { return {bits, step_values, values.data()}; }
    int steps() const { return kViterbiTile / step_values; }
    int kv() const { return bits * step_values; }

    std::string name;
    int bits;
    int step_values;
    std::vector<float> values;  // [V][2^16]
    float rms = 0;
};

inline TestTrellis trellis_of(TrellisCode code, int bits) {
    const auto table =
        code == TrellisCode::kHyb ? std::span<const std::uint16_t>(hyb_table()) : std::span<const std::uint16_t>();
    return {std::string(trellis_code_name(code)), bits, trellis_step_values(code), trellis_values(code, table)};
}

inline std::vector<float> gaussian_tiles(std::int64_t tiles, float scale, std::uint64_t seed) {
    Philox random(seed);
    std::vector<float> x(static_cast<std::size_t>(tiles * kViterbiTile));
    for (float& number : x) number = scale * random.next_normal();
    return x;
}

inline std::vector<std::uint16_t> encode(ViterbiEncode encoder, const TestTrellis& test, const std::vector<float>& x) {
    const std::int64_t tiles = static_cast<std::int64_t>(x.size()) / kViterbiTile;
    std::vector<std::uint16_t> states(x.size() / static_cast<std::size_t>(test.step_values));
    encoder(test.trellis(), x.data(), tiles, states.data());
    return states;
}

// Whether each state follows the one before it, the first of a tile its last.
inline bool valid_paths(const TestTrellis& test, const std::vector<std::uint16_t>& states) {
    const auto steps = static_cast<std::size_t>(test.steps());
    for (std::size_t i = 0; i < states.size(); ++i) {
        const std::size_t before = i % steps == 0 ? i + steps - 1 : i - 1;
        if (states[i] >> test.kv() != (states[before] & ((1 << (16 - test.kv())) - 1))) return false;
    }
    return true;
}

// Sum of the squared errors of the numbers.
inline double squared_error(const TestTrellis& test, const std::vector<float>& x,
                            const std::vector<std::uint16_t>& states) {
    const auto width = static_cast<std::size_t>(test.step_values);
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double value = test.values[(i % width) * 65536 + states[i / width]];
        sum += (value - x[i]) * (value - x[i]);
    }
    return sum;
}

inline double energy(const std::vector<float>& x) {
    double sum = 0;
    for (const float number : x) sum += static_cast<double>(number) * number;
    return sum;
}

}  // namespace dwubit::testing
