#include "base/philox.h"

#include <cmath>
#include <numbers>

#include "base/check.h"

namespace dwubit {
namespace {

// Multipliers and Weyl key increments of the paper, table 2.
constexpr std::uint32_t kMultiplier0 = 0xD2511F53u;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85u;

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{kMultiplier0} * c[0];
        const std::uint64_t p1 = std::uint64_t{kMultiplier1} * c[2];
        c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(p1),
             static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(p0)};
        key[0] += kWeyl0;
        key[1] += kWeyl1;
    }
    return c;
}

std::uint32_t Philox::next_u32() {
    if (used_ == 4) {
        buffer_ = philox4x32_10({static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32),
                                 static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                                {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
        ++block_;
        used_ = 0;
    }
    return buffer_[static_cast<std::size_t>(used_++)];
}

std::uint64_t Philox::next_u64() {
    const std::uint64_t low = next_u32();
    return low | (std::uint64_t{next_u32()} << 32);
}

float Philox::next_uniform() {
    return static_cast<float>(next_u32() >> 8) * 0x1p-24f;
}

std::uint64_t Philox::next_below(std::uint64_t bound) {
    DWUBIT_CHECK(bound >= 1);
    const std::uint64_t reject_below = (0 - bound) % bound;  // 2^64 mod bound
    std::uint64_t x = next_u64();
    while (x < reject_below) x = next_u64();
    return x % bound;
}

float Philox::next_normal() {
    if (has_spare_) {
        has_spare_ = false;
        return spare_normal_;
    }
    const double u = (static_cast<double>(next_u32()) + 0.5) * 0x1p-32;  // in (0, 1): the logarithm is finite
    const double angle = 2.0 * std::numbers::pi * (static_cast<double>(next_u32()) * 0x1p-32);
    const double radius = std::sqrt(-2.0 * std::log(u));
    spare_normal_ = static_cast<float>(radius * std::sin(angle));
    has_spare_ = true;
    return static_cast<float>(radius * std::cos(angle));
}

void Philox::seek_block(std::uint64_t index) {
    block_ = index;
    used_ = 4;
    has_spare_ = false;
}

}  // namespace dwubit
