#include "lab/kernels/viterbi.h"

#include <algorithm>

#include "lab/kernels/viterbi_u16.h"

namespace dwubit {
namespace viterbi {

std::int16_t fixed_point(float number) {
    const float scaled = std::min(std::max(-32768.0f, number * 4096.0f), 32767.0f);  // std::max: the first for a NaN
    return static_cast<std::int16_t>(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
}

int coarse_bits(int kv, int step_values, int largest_value, int largest_number) {
    const auto distance = static_cast<std::int64_t>(largest_value) + largest_number;
    const std::int64_t steps = (16 - kv + kv - 1) / kv + kRenewal;
    int bits = 0;
    while (steps * step_values * (distance * distance >> 16) >> bits >= kNoPath) ++bits;
    return bits;
}

}  // namespace viterbi

ViterbiEncode viterbi_encode(Isa) {
    return viterbi_encode_u16_ref;
}

}  // namespace dwubit
