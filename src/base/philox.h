// Philox4x32-10, a counter-based random generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
//
// Value i of stream (seed, stream) is a pure function of (seed, stream, i): units of work draw their own numbers in
// any order, on any thread, and get the same ones.
#pragma once

#include <array>
#include <cstdint>

namespace dwubit {

// The raw block function: ten rounds over a 128-bit counter and a 64-bit key.
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

class Philox {
public:
    explicit Philox(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

    std::uint32_t next_u32();
    std::uint64_t next_u64();
    // Uniform in [0, 1) with 24 random bits.
    float next_uniform();
    // Uniform integer in [0, bound) without bias; bound >= 1.
    std::uint64_t next_below(std::uint64_t bound);
    // Standard normal (Box-Muller; two draws of next_u32 per pair).
    float next_normal();

    // Continue at block `index` of four 32-bit numbers.
    void seek_block(std::uint64_t index);

private:
    std::uint64_t seed_;
    std::uint64_t stream_;
    std::uint64_t block_ = 0;
    std::array<std::uint32_t, 4> buffer_{};
    int used_ = 4;
    float spare_normal_ = 0;
    bool has_spare_ = false;
};

}  // namespace dwubit
