// Scale and offset of one group as floats, for kernels of AVX2 and above.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "runtime/formats/uniform_group/kernels.h"

namespace dwubit::uniform_group {
namespace {

inline float scale_of(const Matrix& m, std::int64_t index) {
    std::uint16_t bits;
    __builtin_memcpy(&bits, m.scales + index * 2, sizeof bits);
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
}

template <int kBits>
inline float offset_of(const Matrix& m, std::int64_t index) {
    if (m.zeros == nullptr) return m.mirror_offset;
    const std::int64_t bit = index * kBits;
    unsigned value = m.zeros[bit / 8] >> (bit % 8);
    if (bit % 8 + kBits > 8) value |= static_cast<unsigned>(m.zeros[bit / 8 + 1]) << (8 - bit % 8);
    return static_cast<float>(value & ((1u << kBits) - 1));
}

}  // namespace
}  // namespace dwubit::uniform_group
