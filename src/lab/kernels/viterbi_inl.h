// A step of the Viterbi encoders of 16-bit costs, for viterbi_avx2.cpp and viterbi_avx512.cpp; each brings its Lanes.
#pragma once

#include <cstdint>

#include "lab/kernels/viterbi_u16.h"

namespace dwubit::viterbi {
namespace {

// The error of values against a number.
template <class Lanes, bool kNear>
inline typename Lanes::Vector error_of(typename Lanes::Vector values, typename Lanes::Vector x, int coarse) {
    if constexpr (kNear) {
        const auto off = Lanes::subtract(values, x);
        return Lanes::high_product_signed(off, off);
    } else {
        const auto off = Lanes::subtract(Lanes::larger(values, x), Lanes::smaller(values, x));
        return Lanes::shift_right(Lanes::high_product(off, off), coarse);
    }
}

template <class Lanes, int kV, bool kNear>
inline typename Lanes::Vector candidate(const std::int16_t* values, const typename Lanes::Vector (&x)[2], int coarse,
                                        typename Lanes::Vector cost) {
    auto error = error_of<Lanes, kNear>(Lanes::load(values), x[0], coarse);
    if constexpr (kV == 2) {
        error = Lanes::add(error, error_of<Lanes, kNear>(Lanes::load(values + 65536), x[1], coarse));
    }
    return Lanes::add(cost, error);
}

// Vectors of nodes u << kKv | r, one for each r, to neighbouring nodes: kKv times, halves are merged element by
// element.
template <class Lanes, int kCount>
inline void interleave(typename Lanes::Vector (&vectors)[kCount]) {
    for (int done = 1; done < kCount; done *= 2) {
        typename Lanes::Vector merged[kCount];
#pragma GCC unroll 16
        for (int i = 0; i < kCount / 2; ++i) {
            Lanes::merge(vectors[i], vectors[i + kCount / 2], merged[2 * i], merged[2 * i + 1]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < kCount; ++i) vectors[i] = merged[i];
    }
}

// Up to kV = 4: as many u as a vector has lanes, with all choices and all of their 2^kV nodes.
template <class Lanes, int kKv, int kV, bool kNear>
void step_across(const Step& step) {
    using Vector = typename Lanes::Vector;
    constexpr int kChoices = 1 << kKv;
    constexpr int kBefore = 1 << (16 - 2 * kKv);  // u
    const std::int16_t* values = step.values;
    for (int u = 0; u < kBefore; u += Lanes::kCount, values += kChoices * kChoices * Lanes::kCount) {
        for (int tile = 0; tile < step.tiles; ++tile) {
            const std::uint16_t* from = step.from[tile] + u;
            const Vector x[2] = {Lanes::all(step.x[tile][0]), Lanes::all(step.x[tile][1])};
            Vector least[kChoices];
#pragma GCC unroll 8
            for (int r = 0; r < kChoices; ++r) {
                const std::int16_t* row = values + r * kChoices * Lanes::kCount;
                Vector best = candidate<Lanes, kV, kNear>(row, x, step.coarse, Lanes::load(from));
#pragma GCC unroll 16
                for (int c = 1; c < kChoices; ++c) {
                    best = Lanes::least(best, candidate<Lanes, kV, kNear>(row + c * Lanes::kCount, x, step.coarse,
                                                                          Lanes::load(from + c * kBefore)));
                }
                least[r] = best;
            }
            interleave<Lanes, kChoices>(least);
            std::uint16_t* to = step.to[tile] + u * kChoices;
#pragma GCC unroll 16
            for (int i = 0; i < kChoices; ++i) Lanes::store(to + i * Lanes::kCount, least[i]);
        }
    }
}

// Above: kVectors vectors of nodes with the same predecessors.
template <class Lanes, int kKv, int kV, bool kNear>
void step_along(const Step& step) {
    using Vector = typename Lanes::Vector;
    constexpr int kChoices = 1 << kKv;
    constexpr int kBefore = 1 << (16 - 2 * kKv);
    constexpr int kVectors = kChoices / Lanes::kCount < 4 ? kChoices / Lanes::kCount : 4;
    for (int first = 0; first < kBefore * kChoices; first += kVectors * Lanes::kCount) {
        const int u = first / kChoices;
        const std::int16_t* values = step.values + u * kChoices * kChoices + first % kChoices;
        for (int tile = 0; tile < step.tiles; ++tile) {
            const Vector x[2] = {Lanes::all(step.x[tile][0]), Lanes::all(step.x[tile][1])};
            Vector least[kVectors];
            for (int i = 0; i < kVectors; ++i) least[i] = Lanes::all(-1);
            for (int c = 0; c < kChoices; ++c) {
                const Vector cost = Lanes::all(static_cast<std::int16_t>(step.from[tile][u + c * kBefore]));
                const std::int16_t* row = values + c * kChoices;
#pragma GCC unroll 4
                for (int i = 0; i < kVectors; ++i) {
                    least[i] = Lanes::least(least[i],
                                            candidate<Lanes, kV, kNear>(row + i * Lanes::kCount, x, step.coarse, cost));
                }
            }
            for (int i = 0; i < kVectors; ++i) Lanes::store(step.to[tile] + first + i * Lanes::kCount, least[i]);
        }
    }
}

template <class Lanes, bool kNear>
StepKernel step_kernel(int kv, int step_values) {
    if (step_values == 2) {
        if (kv == 2) return step_across<Lanes, 2, 2, kNear>;
        if (kv == 4) return step_across<Lanes, 4, 2, kNear>;
        return kv == 6 ? step_along<Lanes, 6, 2, kNear> : step_along<Lanes, 8, 2, kNear>;
    }
    if (kv == 1) return step_across<Lanes, 1, 1, kNear>;
    if (kv == 2) return step_across<Lanes, 2, 1, kNear>;
    return kv == 3 ? step_across<Lanes, 3, 1, kNear> : step_across<Lanes, 4, 1, kNear>;
}

template <class Lanes>
std::uint16_t least_cost(const std::uint16_t* costs, int nodes) {
    auto least = Lanes::load(costs);
    for (int g = Lanes::kCount; g < nodes; g += Lanes::kCount) least = Lanes::least(least, Lanes::load(costs + g));
    alignas(64) std::uint16_t lanes[Lanes::kCount];
    Lanes::store(lanes, least);
    for (const std::uint16_t cost : lanes) lanes[0] = cost < lanes[0] ? cost : lanes[0];
    return lanes[0];
}

template <class Lanes>
void subtract_cost(std::uint16_t* costs, int nodes, std::uint16_t least) {
    for (int g = 0; g < nodes; g += Lanes::kCount) {
        Lanes::store(costs + g,
                     Lanes::subtract_from_paths(Lanes::load(costs + g), Lanes::all(static_cast<std::int16_t>(least))));
    }
}

template <class Lanes>
constexpr Level make_level() {
    return {Lanes::kCount,
            [](int kv, int step_values, bool near) {
                return near ? step_kernel<Lanes, true>(kv, step_values) : step_kernel<Lanes, false>(kv, step_values);
            },
            least_cost<Lanes>, subtract_cost<Lanes>};
}

}  // namespace
}  // namespace dwubit::viterbi
