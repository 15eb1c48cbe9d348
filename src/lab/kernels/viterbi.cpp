#include "lab/kernels/viterbi.h"

#include "lab/kernels/viterbi_u16.h"

namespace dwubit {

void viterbi_encode_u16_avx2(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles, std::uint16_t* states) {
    viterbi::encode(viterbi::level_avx2(), trellis, x, tiles, states);
}

void viterbi_encode_u16_avx512(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles,
                               std::uint16_t* states) {
    viterbi::encode(viterbi::level_avx512(), trellis, x, tiles, states);
}

ViterbiEncode viterbi_encode(Isa isa) {
    constexpr ViterbiEncode kLevels[] = {viterbi_encode_u16_ref, viterbi_encode_u16_avx2, viterbi_encode_u16_avx512};
    return kLevels[static_cast<int>(isa)];
}

}  // namespace dwubit
