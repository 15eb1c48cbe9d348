#include "eval/retention.h"

#include <limits>

namespace dwubit {
namespace {

double share(double base, double other, double chance) {
    if (!(base > chance)) return std::numeric_limits<double>::quiet_NaN();
    return (other - chance) / (base - chance);
}

}  // namespace

Json retention(const std::vector<RetainedTask>& tasks, double level) {
    if (tasks.empty()) return nullptr;
    const auto count = static_cast<double>(tasks.size());
    double value = 0;
    std::vector<double> draws(tasks.front().base_draws.size(), 0.0);
    for (const RetainedTask& task : tasks) {
        value += share(task.base, task.other, task.chance) / count;
        for (std::size_t r = 0; r < draws.size(); ++r) {
            draws[r] += share(task.base_draws[r], task.other_draws[r], task.chance_draws[r]) / count;
        }
    }
    const Interval interval = percentile_interval(std::move(draws), level);
    return {{"value", value}, {"low", interval.low}, {"high", interval.high}, {"tasks", tasks.size()}};
}

}  // namespace dwubit
