#include "lab/kernels/viterbi.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/philox.h"
#include "runtime/formats/trellis/code.h"

namespace dwubit {
namespace {

// A trellis and the values that it points to.
struct Case {
    std::string name;
    ViterbiTrellis trellis;
    std::vector<float> values;
    float rms = 1;
};

std::vector<std::uint16_t> gaussian_table() {
    Philox random(11);
    std::vector<std::uint16_t> table(kHybTableSize);
    for (std::uint16_t& bits : table) bits = to_f16(random.next_normal()).bits;
    return table;
}

Case make_case(TrellisCode code, int bits) {
    Case made;
    made.name = std::string(trellis_code_name(code)) + " of " + std::to_string(bits) + " bits";
    made.values = trellis_values(code, code == TrellisCode::kHyb ? gaussian_table() : std::vector<std::uint16_t>());
    double squares = 0;
    for (const float value : made.values) squares += static_cast<double>(value) * value;
    made.rms = static_cast<float>(std::sqrt(squares / static_cast<double>(made.values.size())));
    made.trellis = {bits, trellis_step_values(code), made.values.data()};
    return made;
}

}  // namespace
}  // namespace dwubit
