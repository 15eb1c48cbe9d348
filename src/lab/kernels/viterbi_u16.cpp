#include "lab/kernels/viterbi_u16.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>

#include "runtime/cpu/aligned_buffer.h"

namespace dwubit::viterbi {
namespace {

constexpr int kMostInSegment = 256;  // predecessors of a node, a segment earlier

// Instead of which choice each node took, costs are kept: those of all nodes after every `segment` steps. On the way
// back the at most 256 paths through a segment into the one node that matters are worked out again.
class Encoder {
public:
    Encoder(const Level& level, const ViterbiTrellis& trellis)
        : level_(level),
          step_values_(trellis.step_values),
          kv_(trellis.bits * trellis.step_values),
          steps_(kViterbiTile / step_values_),
          segment_(kv_ > 4    ? 1
                   : kv_ == 3 ? 2
                              : 8 / kv_),
          nodes_(1 << (16 - kv_)),
          values_(static_cast<std::size_t>(step_values_) << 16),
          ordered_(values_.size()) {
        // Kept by the thread: calls come by the thousand, and fresh pages would cost as much as encoding a tile.
        thread_local AlignedBuffer<std::uint16_t> costs;
        costs_ = costs.reserve(kGroup * tile_costs());
        for (std::size_t i = 0; i < values_.size(); ++i) {
            values_[i] = fixed_point(trellis.values[i]);
            largest_value_ = std::max(largest_value_, std::abs(int{values_[i]}));
        }
        const int lane_bits = std::countr_zero(static_cast<unsigned>(level.lanes));
        for (int g = 0; g < nodes_; ++g) {
            for (int c = 0; c < 1 << kv_; ++c) {
                const std::size_t to = values_order(kv_, lane_bits, g, c);
                for (int v = 0; v < step_values_; ++v) ordered_[plane(v) + to] = value(v, state(g, c));
            }
        }
    }

    void encode(const float* x, int tiles, std::uint16_t* states) {
        largest_number_ = 0;
        for (int tile = 0; tile < tiles; ++tile) set_numbers(tile, x + tile * kViterbiTile);
        choose_step(0);
        unsigned failed = run(tiles, states);
        for (int tile = 0; failed != 0; ++tile, failed >>= 1) {
            if ((failed & 1) == 0) continue;
            largest_number_ = 0;
            set_numbers(0, x + tile * kViterbiTile);
            choose_step(coarse_bits(kv_, step_values_, largest_value_, largest_number_));
            run(1, states + tile * steps_);
        }
    }

private:
    static std::size_t plane(int v) { return static_cast<std::size_t>(v) << 16; }
    std::int16_t value(int v, int state) const { return values_[plane(v) + static_cast<std::size_t>(state)]; }
    int state(int g, int c) const { return g | c << (16 - kv_); }
    std::size_t at(int node) const { return static_cast<std::size_t>(node); }

    // Of a tile: two arrays for steps between, then what is kept: before the first step, and after each segment. The 1
    // KB behind keeps the arrays of two tiles from the same sets of the first cache.
    std::size_t tile_costs() const { return at(nodes_) * static_cast<std::size_t>(2 + steps_ / segment_ + 1) + 512; }
    std::uint16_t* between(int tile, int step) {
        return costs_ + static_cast<std::size_t>(tile) * tile_costs() + at(nodes_) * static_cast<std::size_t>(step % 2);
    }
    std::uint16_t* kept(int tile, int steps_done) {
        return between(tile, 0) + at(nodes_) * static_cast<std::size_t>(2 + steps_done / segment_);
    }

    void set_numbers(int tile, const float* x) {
        auto& numbers = numbers_[static_cast<std::size_t>(tile)];
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            numbers[i] = fixed_point(x[i]);
            largest_number_ = std::max(largest_number_, std::abs(int{numbers[i]}));
        }
    }

    void choose_step(int coarse) {
        coarse_ = coarse;
        const bool near = coarse == 0 && largest_value_ + largest_number_ <= 32767;
        step_ = level_.step(kv_, step_values_, near);
    }

    // Both passes of tiles [0, tiles); bit i of what is returned: tile i has no path.
    unsigned run(int tiles, std::uint16_t* states) {
        const int half = steps_ / 2;
        std::array<int, kGroup> seam{};  // the node before step 0
        unsigned failed = 0;
        for (int tile = 0; tile < tiles; ++tile) std::fill_n(kept(tile, 0), nodes_, std::uint16_t{0});
        forward(tiles, half, half);
        for (int tile = 0; tile < tiles; ++tile) {
            const std::uint16_t* last = kept(tile, steps_);
            const std::uint16_t least = level_.least(last, nodes_);
            if (least == kNoPath) failed |= 1U << tile;
            const auto end = static_cast<int>(std::find(last, last + nodes_, least) - last);
            seam[static_cast<std::size_t>(tile)] = back(tile, end, half, half, nullptr);
        }
        for (int tile = 0; tile < tiles; ++tile) {
            std::fill_n(kept(tile, 0), nodes_, kNoPath);
            kept(tile, 0)[seam[static_cast<std::size_t>(tile)]] = 0;
        }
        forward(tiles, 0, 0);
        for (int tile = 0; tile < tiles; ++tile) {
            const int end = seam[static_cast<std::size_t>(tile)];
            if (kept(tile, steps_)[end] == kNoPath) failed |= 1U << tile;
            back(tile, end, 0, 0, states + tile * steps_);
        }
        return failed;
    }

    // All steps from `origin` on, around the end; costs are kept from `keep` steps on.
    void forward(int tiles, int origin, int keep) {
        Step step;
        step.values = ordered_.data();
        step.tiles = tiles;
        step.coarse = coarse_;
        for (int tile = 0; tile < tiles; ++tile) step.from[tile] = kept(tile, 0);
        for (int i = 0; i < steps_; ++i) {
            const int done = i + 1;
            const bool keeps = done % segment_ == 0 && done >= keep;
            for (int tile = 0; tile < tiles; ++tile) {
                step.to[tile] = keeps ? kept(tile, done) : between(tile, i);
                for (int v = 0; v < step_values_; ++v) step.x[tile][v] = number(tile, (origin + i) % steps_, v);
            }
            step_(step);
            for (int tile = 0; tile < tiles; ++tile) {
                if (done % kRenewal == 0) {
                    const std::uint16_t least = level_.least(step.to[tile], nodes_);
                    level_.subtract(step.to[tile], nodes_, least);
                    subtracted_[at(tile)][at(done / kRenewal)] = least;
                }
                step.from[tile] = step.to[tile];
            }
        }
    }

    std::int16_t number(int tile, int step, int v) const {
        return numbers_[static_cast<std::size_t>(tile)][static_cast<std::size_t>(step * step_values_ + v)];
    }

    // The path into `node` after all steps back to where `until` are done; returns the node there. Pass 1 has no use
    // for the states.
    int back(int tile, int node, int origin, int until, std::uint16_t* states) {
        for (int done = steps_; done > until; done -= segment_) {
            node = back_segment(tile, node, origin, done - segment_, states);
        }
        return node;
    }

    std::uint16_t add(int tile, int step, int state, std::uint16_t cost) const {
        std::uint32_t sum = 0;
        for (int v = 0; v < step_values_; ++v) {
            const auto off = static_cast<std::uint32_t>(std::abs(value(v, state) - number(tile, step, v)));
            sum += off * off >> 16 >> coarse_;
        }
        return static_cast<std::uint16_t>(std::min<std::uint32_t>(sum + cost, kNoPath));
    }

    // As back(), through one segment. Level j of the tree has the nodes j steps before the last: of index i, made of j
    // choices, the latest lowest, node >> j kV | i << (16 - kV - j kV).
    int back_segment(int tile, int node, int origin, int begin, std::uint16_t* states) {
        const auto node_at = [&](int level, int index) {
            return node >> (level * kv_) | index << (16 - kv_ - level * kv_);
        };
        std::array<std::uint16_t, kMostInSegment> costs{};
        std::array<std::array<std::uint8_t, kMostInSegment>, 8> chosen{};
        // No path into the node costs more anywhere on its way than in the end, which rules nearly all of them out.
        const int end = begin + segment_;
        const int most = kept(tile, end)[node] + (end % kRenewal == 0 ? subtracted_[at(tile)][at(end / kRenewal)] : 0);
        const std::uint16_t* start = kept(tile, begin);
        for (int i = 0; i < 1 << (segment_ * kv_); ++i) costs[at(i)] = start[node_at(segment_, i)];
        for (int level = segment_ - 1; level >= 0; --level) {
            const int step = (origin + begin + segment_ - 1 - level) % steps_;
            // In place: i and what only i reads, whose low bits are i.
            for (int i = 0; i < 1 << (level * kv_); ++i) {
                std::uint16_t least = kNoPath;
                int best = 0;
                for (int c = 0; c < 1 << kv_; ++c) {
                    const std::uint16_t before = costs[at(i | c << (level * kv_))];
                    if (before > most) continue;
                    const std::uint16_t cost = add(tile, step, state(node_at(level, i), c), before);
                    if (cost >= least) continue;
                    least = cost;
                    best = c;
                }
                costs[at(i)] = least;
                chosen[at(level)][at(i)] = static_cast<std::uint8_t>(best);
            }
        }
        int index = 0;
        for (int level = 0; level < segment_; ++level) {
            const int c = chosen[at(level)][at(index)];
            const int done = begin + segment_ - 1 - level;
            if (states != nullptr) states[done] = static_cast<std::uint16_t>(state(node_at(level, index), c));
            index |= c << (level * kv_);
        }
        return node_at(segment_, index);
    }

    const Level& level_;
    int step_values_;
    int kv_;
    int steps_;
    int segment_;
    int nodes_;
    int largest_value_ = 0;
    int largest_number_ = 0;
    int coarse_ = 0;
    StepKernel step_ = nullptr;
    AlignedBuffer<std::int16_t> values_;   // [V][2^16]
    AlignedBuffer<std::int16_t> ordered_;  // the same in values_order()
    std::uint16_t* costs_ = nullptr;       // of kGroup tiles
    std::array<std::array<std::int16_t, kViterbiTile>, kGroup> numbers_{};
    std::array<std::array<std::uint16_t, kViterbiTile / kRenewal + 1>, kGroup> subtracted_{};  // by forward()
};

}  // namespace

std::int16_t fixed_point(float number) {
    const float scaled = std::min(std::max(-32768.0f, number * 4096.0f), 32767.0f);  // std::max: the first for a NaN
    return static_cast<std::int16_t>(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
}

int coarse_bits(int kv, int step_values, int largest_value, int largest_number) {
    const auto distance = static_cast<std::int64_t>(largest_value) + largest_number;
    const std::int64_t steps = 15 / kv + kRenewal;  // 15 / kv is (16 - kv) / kv, rounded up
    int bits = 0;
    while (steps * step_values * (distance * distance >> 16) >> bits >= kNoPath) ++bits;
    return bits;
}

void encode(const Level& level, const ViterbiTrellis& trellis, const float* x, std::int64_t tiles,
            std::uint16_t* states) {
    Encoder encoder(level, trellis);
    for (std::int64_t tile = 0; tile < tiles; tile += kGroup) {
        encoder.encode(x + tile * kViterbiTile, static_cast<int>(std::min<std::int64_t>(kGroup, tiles - tile)),
                       states + tile * (kViterbiTile / trellis.step_values));
    }
}

}  // namespace dwubit::viterbi
