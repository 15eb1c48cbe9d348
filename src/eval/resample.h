// The paired bootstrap: scores of samples of documents drawn with replacement, the same documents for every statistic.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "eval/metrics/aggregation.h"

namespace dwubit {

struct Interval {
    double low = 0, high = 0;  // NaN where no draw has a value
};

// scores[s][r]: statistic s of draw r, of as many documents as there are. A draw depends on (seed, stream, r,
// documents) only: statistics of the same documents may be asked for one after the other. documents >= 1.
std::vector<std::vector<double>> resample(std::span<const Statistic* const> statistics, std::size_t documents,
                                          std::int64_t draws, std::uint64_t seed, std::uint64_t stream,
                                          ThreadPool& pool);

// A stream of its own for each name.
std::uint64_t resample_stream(std::string_view name);

// The middle `level` of the draws, between neighbours by linear interpolation; NaN does not count.
Interval percentile_interval(std::vector<double> draws, double level);

}  // namespace dwubit
