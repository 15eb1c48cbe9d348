#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "lab/kernels/viterbi.h"
#include "lab/kernels/viterbi_u16.h"

namespace dwubit {
namespace {

struct Shape {
    explicit Shape(const ViterbiTrellis& trellis)
        : kv(trellis.bits * trellis.step_values),
          steps(kViterbiTile / trellis.step_values),
          choices(1 << kv),
          nodes(1 << (16 - kv)) {}
    // The state that choice c leads into node g from, and the node before it.
    int state(int g, int c) const { return g | c << (16 - kv); }
    int before(int state) const { return state >> kv; }

    int kv;
    int steps;
    int choices;
    int nodes;
};

// Costs in float32: error(step, state), and nothing to renew.
class FloatCosts {
public:
    using Cost = float;
    static constexpr float kNone = std::numeric_limits<float>::infinity();

    FloatCosts(const ViterbiTrellis& trellis, const float* x) : trellis_(trellis) {
        // std::max takes its first argument for a NaN.
        for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = std::min(std::max(-8.0f, x[i]), 8.0f);
    }
    float error(int step, int state) const {
        float sum = 0;
        for (int v = 0; v < trellis_.step_values; ++v) {
            const float off =
                trellis_.values[(v << 16) + state] - x_[static_cast<std::size_t>(step * trellis_.step_values + v)];
            sum += off * off;
        }
        return sum;
    }
    static float add(float a, float b) { return a + b; }
    static void renew(int, std::vector<float>&) {}

private:
    const ViterbiTrellis& trellis_;
    std::array<float, kViterbiTile> x_{};
};

// Costs of 16 bits by the rules of viterbi_u16.h. values: as trellis.values, in fixed point.
class FixedCosts {
public:
    using Cost = std::uint16_t;
    static constexpr Cost kNone = viterbi::kNoPath;

    FixedCosts(const ViterbiTrellis& trellis, const std::vector<std::int16_t>& values, const float* x, int coarse)
        : step_values_(trellis.step_values), values_(values), coarse_(coarse) {
        for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = viterbi::fixed_point(x[i]);
    }
    Cost error(int step, int state) const {
        Cost sum = 0;
        for (int v = 0; v < step_values_; ++v) {
            const auto off =
                static_cast<std::uint32_t>(std::abs(values_[static_cast<std::size_t>((v << 16) + state)] -
                                                    x_[static_cast<std::size_t>(step * step_values_ + v)]));
            sum = add(sum, static_cast<Cost>(off * off >> 16 >> coarse_));
        }
        return sum;
    }
    static Cost add(Cost a, Cost b) { return static_cast<Cost>(std::min(a + b, int{kNone})); }
    static void renew(int steps_done, std::vector<Cost>& costs) {
        if (steps_done % viterbi::kRenewal != 0) return;
        const Cost least = *std::min_element(costs.begin(), costs.end());
        for (Cost& cost : costs) {
            if (cost != kNone) cost = static_cast<Cost>(cost - least);
        }
    }
    int largest_number() const {
        int largest = 0;
        for (const std::int16_t number : x_) largest = std::max(largest, std::abs(int{number}));
        return largest;
    }

private:
    int step_values_;
    const std::vector<std::int16_t>& values_;
    int coarse_;
    std::array<std::int16_t, kViterbiTile> x_{};
};

// All steps from `origin` on, around the end. cost: of each node before the first step, and after the last.
// chosen: [steps, nodes].
template <class Costs>
void forward(const Shape& shape, const Costs& costs, int origin, std::vector<typename Costs::Cost>& cost,
             std::vector<std::uint8_t>& chosen) {
    using Cost = typename Costs::Cost;
    std::vector<Cost> next(cost.size());
    for (int i = 0; i < shape.steps; ++i) {
        const int step = (origin + i) % shape.steps;
        for (int g = 0; g < shape.nodes; ++g) {
            Cost least = Costs::kNone;
            int best = 0;
            for (int c = 0; c < shape.choices; ++c) {
                const int state = shape.state(g, c);
                const Cost candidate =
                    Costs::add(cost[static_cast<std::size_t>(shape.before(state))], costs.error(step, state));
                if (candidate >= least) continue;
                least = candidate;
                best = c;
            }
            next[static_cast<std::size_t>(g)] = least;
            chosen[static_cast<std::size_t>(i) * next.size() + static_cast<std::size_t>(g)] =
                static_cast<std::uint8_t>(best);
        }
        Costs::renew(i + 1, next);
        cost.swap(next);
    }
}

// False: a tile without a path, which only costs of 16 bits know.
template <class Costs>
bool encode_tile(const Shape& shape, const Costs& costs, std::uint16_t* states) {
    using Cost = typename Costs::Cost;
    std::vector<std::uint8_t> chosen(static_cast<std::size_t>(shape.steps) * static_cast<std::size_t>(shape.nodes));
    const auto state_at = [&](int i, int node) {
        return shape.state(node, chosen[static_cast<std::size_t>(i) * static_cast<std::size_t>(shape.nodes) +
                                        static_cast<std::size_t>(node)]);
    };
    // Pass 1: the node before step 0, which has half the steps before it.
    std::vector<Cost> cost(static_cast<std::size_t>(shape.nodes), Cost{0});
    forward(shape, costs, shape.steps / 2, cost, chosen);
    const auto least = std::min_element(cost.begin(), cost.end());
    if (*least == Costs::kNone) return false;
    int node = static_cast<int>(least - cost.begin());
    for (int i = shape.steps - 1; i >= shape.steps / 2; --i) node = shape.before(state_at(i, node));
    // Pass 2: from that node to it.
    const int seam = node;
    std::fill(cost.begin(), cost.end(), Costs::kNone);
    cost[static_cast<std::size_t>(seam)] = 0;
    forward(shape, costs, 0, cost, chosen);
    if (cost[static_cast<std::size_t>(seam)] == Costs::kNone) return false;
    for (int i = shape.steps - 1; i >= 0; --i) {
        const int state = state_at(i, node);
        states[i] = static_cast<std::uint16_t>(state);
        node = shape.before(state);
    }
    return true;
}

}  // namespace

void viterbi_encode_f32_ref(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles, std::uint16_t* states) {
    const Shape shape(trellis);
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
        encode_tile(shape, FloatCosts(trellis, x + tile * kViterbiTile), states + tile * shape.steps);
    }
}

void viterbi_encode_u16_ref(const ViterbiTrellis& trellis, const float* x, std::int64_t tiles, std::uint16_t* states) {
    const Shape shape(trellis);
    std::vector<std::int16_t> values(static_cast<std::size_t>(trellis.step_values) << 16);
    int largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = viterbi::fixed_point(trellis.values[i]);
        largest = std::max(largest, std::abs(int{values[i]}));
    }
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
        const float* numbers = x + tile * kViterbiTile;
        std::uint16_t* out = states + tile * shape.steps;
        const FixedCosts fine(trellis, values, numbers, 0);
        if (encode_tile(shape, fine, out)) continue;
        const int coarse = viterbi::coarse_bits(shape.kv, trellis.step_values, largest, fine.largest_number());
        encode_tile(shape, FixedCosts(trellis, values, numbers, coarse), out);
    }
}

}  // namespace dwubit
