// Python's random.Random (CPython 3.11) for a given integer seed: the few-shot examples that lm-evaluation-harness
// picks are the ones this picks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace dwubit {

class PythonRandom {
public:
    // Random(seed); the sign is dropped, as Python does.
    explicit PythonRandom(std::int64_t seed);

    // 32 bits of MT19937.
    std::uint32_t next();
    // random(): in [0, 1), 53 bits.
    double real();
    // getrandbits(bits), 0 <= bits <= 64.
    std::uint64_t bits(int bits);
    // _randbelow(n): in [0, n), n > 0.
    std::uint64_t below(std::uint64_t n);

    // sample(range(n), k), k <= n.
    std::vector<std::size_t> sample(std::size_t n, std::size_t k);
    // choices(range(n), k=k), n > 0.
    std::vector<std::size_t> choices(std::size_t n, std::size_t k);
    // choices(range(len(weights)), weights, k=k); the weights are finite, not negative, and their sum is positive.
    std::vector<std::size_t> choices(std::span<const double> weights, std::size_t k);

    template <class T>
    void shuffle(std::vector<T>& items) {
        for (std::size_t i = items.size(); i-- > 1;) std::swap(items[i], items[below(i + 1)]);
    }

private:
    void refill();

    std::array<std::uint32_t, 624> state_{};
    std::size_t at_ = 624;
};

}  // namespace dwubit
