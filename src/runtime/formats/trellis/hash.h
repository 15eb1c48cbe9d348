// The arithmetic of trellis codes, for the CPU's and the GPU's files alike: constants, and functions of a state in
// plain C++. Fixed-width types only. Everything modulo 2^32.
#pragma once

#include <cstdint>

namespace dwubit::trellis {

inline constexpr std::uint32_t k1MadFactor = 34038481;
inline constexpr std::uint32_t k1MadTerm = 76625530;
inline constexpr float k1MadDivisor = 147.800537109375f;

inline constexpr std::uint32_t kMul1Factor = 0x83dcd12d;
inline constexpr float kMul1Slope = 0.00676727294921875f;  // f16 0x1eee
inline constexpr float kMul1Offset = -10.3828125f;         // f16 0xc931
inline constexpr int kMul1Bias = 1024;                     // added to the sum of bytes before the slope

inline constexpr std::uint32_t k3InstFactor = 89226354;
inline constexpr std::uint32_t k3InstTerm = 64248484;
inline constexpr std::uint32_t k3InstMask = 0x8fff8fff;
inline constexpr std::uint32_t k3InstBits = 0x3b603b60;

// The middle of what four bytes add up to.
inline constexpr int kByteSumCentre = 510;

// Anonymous: the linker would merge the copies of files compiled for different instruction sets.
namespace {

constexpr int byte_sum(std::uint32_t x) {
    return static_cast<int>((x & 255) + (x >> 8 & 255) + (x >> 16 & 255) + (x >> 24));
}

constexpr float value_1mad(int sum) {
    return static_cast<float>(sum - kByteSumCentre) / k1MadDivisor;
}

// The product is exact in float32, so that nothing is rounded but the sum. EXL3 rounds that once more, to f16; here it
// is not, so that the value is linear in the sum of the bytes.
constexpr float value_mul1(int sum) {
    return static_cast<float>(kMul1Bias + sum) * kMul1Slope + kMul1Offset;
}

constexpr std::uint32_t hyb_hash(std::uint32_t state) {
    return state * (state + 1);
}
// Bits 6 to 14: which pair.
constexpr std::uint32_t hyb_pair(std::uint32_t hash) {
    return hash >> 6 & 511;
}
// Bit 15: whether the pair's first number is negated.
constexpr bool hyb_flips(std::uint32_t hash) {
    return (hash >> 15 & 1) != 0;
}

}  // namespace
}  // namespace dwubit::trellis
