#include "tasks/python_random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "base/check.h"

namespace dwubit {
namespace {

constexpr std::size_t kMiddle = 397;

}  // namespace

// Matsumoto and Nishimura's init_by_array, its key the seed's 32-bit words, lowest first.
PythonRandom::PythonRandom(std::int64_t seed) {
    const std::uint64_t size = seed < 0 ? 0 - static_cast<std::uint64_t>(seed) : static_cast<std::uint64_t>(seed);
    const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(size >> 32)};
    const std::size_t words = key[1] != 0 ? 2 : 1;

    const std::size_t n = state_.size();
    state_[0] = 19650218U;
    for (std::size_t i = 1; i < n; ++i) {
        const std::uint32_t before = state_[i - 1] ^ (state_[i - 1] >> 30);
        state_[i] = 1812433253U * before + static_cast<std::uint32_t>(i);
    }
    std::size_t i = 1;
    const auto advance = [&] {
        if (++i < n) return;
        state_[0] = state_[n - 1];
        i = 1;
    };
    for (std::size_t k = 0, j = 0; k < n; ++k, j = (j + 1) % words) {
        const std::uint32_t before = state_[i - 1] ^ (state_[i - 1] >> 30);
        state_[i] = (state_[i] ^ (before * 1664525U)) + key[j] + static_cast<std::uint32_t>(j);
        advance();
    }
    for (std::size_t k = 1; k < n; ++k) {
        const std::uint32_t before = state_[i - 1] ^ (state_[i - 1] >> 30);
        state_[i] = (state_[i] ^ (before * 1566083941U)) - static_cast<std::uint32_t>(i);
        advance();
    }
    state_[0] = 0x80000000U;
}

void PythonRandom::refill() {
    const std::size_t n = state_.size();
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t joined = (state_[i] & 0x80000000U) | (state_[(i + 1) % n] & 0x7FFFFFFFU);
        state_[i] = state_[(i + kMiddle) % n] ^ (joined >> 1) ^ ((joined & 1U) != 0 ? 0x9908B0DFU : 0U);
    }
    at_ = 0;
}

std::uint32_t PythonRandom::next() {
    if (at_ == state_.size()) refill();
    std::uint32_t y = state_[at_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9D2C5680U;
    y ^= (y << 15) & 0xEFC60000U;
    return y ^ (y >> 18);
}

double PythonRandom::real() {
    const std::uint32_t high = next() >> 5;
    const std::uint32_t low = next() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

std::uint64_t PythonRandom::bits(int bits) {
    DWUBIT_CHECK(bits >= 0 && bits <= 64);
    if (bits == 0) return 0;
    if (bits <= 32) return next() >> (32 - bits);
    const std::uint64_t low = next();
    return low | (static_cast<std::uint64_t>(next() >> (64 - bits)) << 32);
}

std::uint64_t PythonRandom::below(std::uint64_t n) {
    DWUBIT_CHECK(n > 0);
    const int width = std::bit_width(n);
    std::uint64_t drawn = bits(width);
    while (drawn >= n) drawn = bits(width);
    return drawn;
}

std::vector<std::size_t> PythonRandom::sample(std::size_t n, std::size_t k) {
    DWUBIT_CHECK(k <= n);
    // Python compares the sizes of a list of n and a set of k to choose the way, which decides what is drawn.
    double set_size = 21;
    if (k > 5) set_size += std::pow(4.0, std::ceil(std::log(static_cast<double>(k) * 3.0) / std::log(4.0)));

    std::vector<std::size_t> picked;
    picked.reserve(k);
    if (static_cast<double>(n) <= set_size) {
        std::vector<std::size_t> pool(n);
        std::iota(pool.begin(), pool.end(), std::size_t{0});
        for (std::size_t i = 0; i < k; ++i) {
            const std::size_t j = below(n - i);
            picked.push_back(pool[j]);
            pool[j] = pool[n - i - 1];
        }
        return picked;
    }
    std::unordered_set<std::size_t> seen;
    while (picked.size() < k) {
        const std::size_t j = below(n);
        if (seen.insert(j).second) picked.push_back(j);
    }
    return picked;
}

std::vector<std::size_t> PythonRandom::choices(std::size_t n, std::size_t k) {
    DWUBIT_CHECK(n > 0);
    std::vector<std::size_t> picked(k);
    for (std::size_t& index : picked) {
        index = static_cast<std::size_t>(std::floor(real() * static_cast<double>(n)));
    }
    return picked;
}

std::vector<std::size_t> PythonRandom::choices(std::span<const double> weights, std::size_t k) {
    std::vector<double> sums(weights.size());
    std::partial_sum(weights.begin(), weights.end(), sums.begin());
    DWUBIT_CHECK(!sums.empty() && sums.back() > 0);
    std::vector<std::size_t> picked(k);
    for (std::size_t& index : picked) {
        // Python's bisect() never looks at the last sum, so that rounding cannot lead behind it.
        const auto found = std::upper_bound(sums.begin(), sums.end() - 1, real() * sums.back());
        index = static_cast<std::size_t>(found - sums.begin());
    }
    return picked;
}

}  // namespace dwubit
