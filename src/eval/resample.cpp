#include "eval/resample.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/philox.h"
#include "base/sha256.h"

namespace dwubit {
namespace {

constexpr std::int64_t kChunk = 64;  // draws that share a buffer

double quantile(std::span<const double> sorted, double share) {
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double rest = place - static_cast<double>(below);
    // No difference of infinities.
    if (rest == 0 || sorted[below] == sorted[below + 1]) return sorted[below];
    return sorted[below] + rest * (sorted[below + 1] - sorted[below]);
}

}  // namespace

std::vector<std::vector<double>> resample(std::span<const Statistic* const> statistics, std::size_t documents,
                                          std::int64_t draws, std::uint64_t seed, std::uint64_t stream,
                                          ThreadPool& pool) {
    std::vector<std::vector<double>> scores(statistics.size(), std::vector<double>(static_cast<std::size_t>(draws)));
    pool.parallel_for((draws + kChunk - 1) / kChunk, [&](std::int64_t chunk) {
        std::vector<std::uint32_t> sample(documents);
        const std::int64_t end = std::min(draws, (chunk + 1) * kChunk);
        for (std::int64_t draw = chunk * kChunk; draw < end; ++draw) {
            Philox random(seed, stream + static_cast<std::uint64_t>(draw));
            for (std::uint32_t& place : sample) place = static_cast<std::uint32_t>(random.next_below(documents));
            for (std::size_t s = 0; s < statistics.size(); ++s) {
                scores[s][static_cast<std::size_t>(draw)] = statistics[s]->of(sample);
            }
        }
    });
    return scores;
}

std::uint64_t resample_stream(std::string_view name) {
    Sha256 hash;
    hash.update(name);
    const auto digest = hash.digest();
    std::uint64_t stream = 0;
    for (std::size_t i = 0; i < sizeof stream; ++i) stream |= std::uint64_t{digest[i]} << (8 * i);
    return stream;
}

Interval percentile_interval(std::vector<double> draws, double level) {
    draws.erase(std::remove_if(draws.begin(), draws.end(), [](double draw) { return std::isnan(draw); }), draws.end());
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    if (draws.empty()) return {kNone, kNone};
    std::sort(draws.begin(), draws.end());
    return {quantile(draws, (1 - level) / 2), quantile(draws, (1 + level) / 2)};
}

}  // namespace dwubit
