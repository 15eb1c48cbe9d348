// Findings: the best of each size, what beats what across sizes, tasks against the base, multiple choice against
// generation. verdict_limits.cpp has the rest.
#include "report/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/comparison.h"
#include "report/numbers.h"
#include "report/verdict_limits.h"

namespace dwubit::report {
namespace {

using Places = std::vector<std::size_t>;

std::vector<std::string> ids(const Report& report, const Places& places) {
    std::vector<std::string> names;
    for (const std::size_t i : places) names.push_back(report.models[i].id);
    return names;
}

// "perplexity 1.264 times the base's and KL divergence 0.213 ± 0.008"
std::string quality_text(const Model& model) {
    std::string text;
    if (model.perplexity.ratio) {
        text = fmt::format("perplexity {} times the base's", significant(*model.perplexity.ratio, 4));
    } else if (model.perplexity.value) {
        text = fmt::format("perplexity {}", significant(*model.perplexity.value, 4));
    }
    if (!model.divergence.mean) return text.empty() ? "no perplexity and no KL divergence measured" : text;
    const std::string kl = "KL divergence " + with_error(*model.divergence.mean, model.divergence.standard_error);
    return text.empty() ? kl : text + ", " + kl;
}

std::string measure_name(Measure measure) {
    return measure == Measure::kDivergence ? "KL divergence" : "perplexity";
}

// "12.3 MB (2.125 bits per weight in the linears)"
std::string size_text(const Report& report, const Places& members) {
    std::vector<double> bytes;
    std::vector<double> bits;
    for (const std::size_t i : members) {
        bytes.push_back(static_cast<double>(*report.models[i].bytes));
        if (report.models[i].bits_linears) bits.push_back(*report.models[i].bits_linears);
    }
    const auto [least, most] = std::minmax_element(bytes.begin(), bytes.end());
    std::string text = bytes_range(*least, *most);
    if (bits.empty()) return text;
    const auto [low, high] = std::minmax_element(bits.begin(), bits.end());
    const std::string least_bits = significant(*low, 4);
    const std::string most_bits = significant(*high, 4);
    return fmt::format("{} ({} bits per weight in the linears)", text,
                       least_bits == most_bits ? least_bits : least_bits + " to " + most_bits);
}

// The order of a class: the best first.
Places ranked(const Report& report, Places members, Measure measure) {
    std::stable_sort(members.begin(), members.end(), [&](std::size_t a, std::size_t b) {
        return *measured(report.models[a], measure) < *measured(report.models[b], measure);
    });
    return members;
}

std::string with_value(const Model& model, Measure measure) {
    return fmt::format("{} ({})", model.id, with_error(*measured(model, measure), measured_error(model, measure)));
}

// By perplexity another one may be ahead of the best by KL.
std::string other_order(const Report& report, const Places& order, Measure measure) {
    if (measure != Measure::kDivergence) return "";
    const Places by_perplexity = [&] {
        const bool all = std::all_of(order.begin(), order.end(),
                                     [&](std::size_t i) { return report.models[i].perplexity.value.has_value(); });
        return all ? ranked(report, order, Measure::kPerplexity) : Places{};
    }();
    if (by_perplexity.empty() || by_perplexity.front() == order.front()) return "";
    const Model& ahead = report.models[by_perplexity.front()];
    const bool noise = differ(ahead, report.models[order.front()], Measure::kPerplexity) != true;
    return fmt::format(" By perplexity {} is ahead ({}{}).", ahead.id, quality_text(ahead),
                       noise ? "; as perplexities go, within noise" : "");
}

std::string winner_text(const Report& report, const Places& order, Measure measure, const std::string& size) {
    const Model& best = report.models[order[0]];
    const Model& next = report.models[order[1]];
    const std::string lead =
        fmt::format("{} is the best of {} at {}: {}.", best.id, order.size(), size, quality_text(best));
    const std::optional<bool> known = differ(best, next, measure);
    const std::string noise = known ? fmt::format("the difference in {} is larger than noise", measure_name(measure))
                                    : "no error is known, so that the difference may be noise";
    return fmt::format("{} Next is {} ({}); {}.", lead, next.id, quality_text(next), noise);
}

// Nobody is ahead by more than noise: `leaders` of the order are level.
std::string level_text(const Report& report, const Places& order, std::size_t leaders, Measure measure,
                       const std::string& size) {
    std::vector<std::string> names;
    std::vector<std::string> rest;
    for (std::size_t i = 0; i < order.size(); ++i) {
        (i < leaders ? names : rest).push_back(with_value(report.models[order[i]], measure));
    }
    std::string text =
        fmt::format("{} cannot be told apart at {}: the difference in {} is within noise. {} has {}.", listed(names, 6),
                    size, measure_name(measure), report.models[order[0]].id, quality_text(report.models[order[0]]));
    if (!rest.empty()) text += fmt::format(" Worse by more than noise: {}.", listed(rest, 6));
    return text;
}

// One sentence or a few on a class of equal bytes.
std::string class_text(const Report& report, const Places& members) {
    const std::string size = size_text(report, members);
    if (members.size() == 1) {
        const Model& only = report.models[members[0]];
        return fmt::format("{} is alone at {}: {}. No other method of this study has this size.", only.id, size,
                           quality_text(only));
    }
    const Measure measure = common_measure(report, members);
    if (measure == Measure::kNone) {
        return fmt::format(
            "{} cannot be ranked at {}: neither perplexity nor KL divergence was measured for all of them.",
            listed(ids(report, members), 12), size);
    }
    const Places order = ranked(report, members, measure);
    std::size_t leaders = 1;
    while (leaders < order.size() && differ(report.models[order[0]], report.models[order[leaders]], measure) == false) {
        ++leaders;
    }
    const std::string text =
        leaders == 1 ? winner_text(report, order, measure, size) : level_text(report, order, leaders, measure, size);
    return text + other_order(report, order, measure);
}

// Across sizes one thing can be said: a smaller file that loses less.
std::vector<std::string> beaten(const Report& report, const std::vector<Places>& classes) {
    std::vector<std::string> found;
    for (std::size_t larger = 1; larger < classes.size(); ++larger) {
        for (const std::size_t b : classes[larger]) {
            const Model* winner = nullptr;
            for (std::size_t smaller = 0; smaller < larger; ++smaller) {
                for (const std::size_t a : classes[smaller]) {
                    const Measure measure = common_measure(report, {a, b});
                    const Number left = measured(report.models[a], measure);
                    const Number right = measured(report.models[b], measure);
                    const bool better =
                        left && right && *left < *right && differ(report.models[a], report.models[b], measure) == true;
                    if (better && (winner == nullptr || *left < *measured(*winner, measure))) {
                        winner = &report.models[a];
                    }
                }
            }
            if (winner == nullptr) continue;
            found.push_back(fmt::format("{} is smaller than {} ({} against {}) and loses less, by more than noise.",
                                        winner->id, report.models[b].id,
                                        bytes_text(static_cast<double>(*winner->bytes)),
                                        bytes_text(static_cast<double>(*report.models[b].bytes))));
        }
    }
    return found;
}

// On how many tasks above chance a model is measured, and on how many it is off the base by more than noise.
struct TaskCount {
    std::size_t measured = 0;
    std::size_t worse = 0;
    std::size_t better = 0;
};

TaskCount count_tasks(const Report& report, const Model& model) {
    TaskCount count;
    for (const Task& task : report.tasks) {
        const auto at = model.tasks.find(task.name);
        if (task.above_chance == false || at == model.tasks.end()) continue;
        const TaskScore& score = at->second;
        if (!score.difference || !score.within_noise) continue;
        ++count.measured;
        if (*score.within_noise) continue;
        const bool gain = (*score.difference > 0) == task.higher_is_better;
        ++(gain ? count.better : count.worse);
    }
    return count;
}

// Methods against the base on the tasks above chance.
std::vector<std::string> task_texts(const Report& report) {
    std::vector<std::string> quiet;
    std::vector<std::string> worse;
    std::vector<std::string> better;
    for (const Model& model : report.models) {
        if (is_base(report, model)) continue;
        const TaskCount count = count_tasks(report, model);
        if (count.measured == 0) continue;
        if (count.worse == 0 && count.better == 0) {
            quiet.push_back(fmt::format("{} (of {})", model.id, counted(count.measured, "task", "tasks")));
        }
        if (count.worse > 0) worse.push_back(fmt::format("{} on {} of {}", model.id, count.worse, count.measured));
        if (count.better > 0) better.push_back(fmt::format("{} on {} of {}", model.id, count.better, count.measured));
    }
    std::vector<std::string> found;
    if (!quiet.empty())
        found.push_back(fmt::format("Within noise of the base on every task above chance: {}.", listed(quiet, 12)));
    if (!worse.empty()) {
        found.push_back(
            fmt::format("Worse than the base by more than noise on tasks above chance: {}.", listed(worse, 12)));
    }
    if (!better.empty())
        found.push_back(fmt::format("Better than the base by more than noise: {}.", listed(better, 12)));
    return found;
}

enum class TaskOrder { kUnknown, kLevel, kApart };

// Whether some task above chance has the first ahead of the second: differences from the base without a common point.
TaskOrder ahead_on_tasks(const Report& report, const Model& first, const Model& second) {
    TaskOrder order = TaskOrder::kUnknown;
    for (const Task& task : report.tasks) {
        const auto a = first.tasks.find(task.name);
        const auto b = second.tasks.find(task.name);
        if (task.above_chance == false || a == first.tasks.end() || b == second.tasks.end()) continue;
        const TaskScore& x = a->second;
        const TaskScore& y = b->second;
        if (!x.difference || !y.difference || !x.difference_low || !y.difference_low) continue;
        order = std::max(order, TaskOrder::kLevel);
        const bool better = task.higher_is_better ? *x.difference > *y.difference : *x.difference < *y.difference;
        const bool apart = disjoint(x.difference_low, x.difference_high, y.difference_low, y.difference_high);
        if (better && apart) order = TaskOrder::kApart;
    }
    return order;
}

// Do the tasks agree with the order of a class? The best of it against each of the others.
std::vector<std::string> order_texts(const Report& report, const std::vector<Places>& classes) {
    std::vector<std::string> found;
    for (const Places& members : classes) {
        const Measure measure = common_measure(report, members);
        if (members.size() < 2 || measure == Measure::kNone) continue;
        const Places order = ranked(report, members, measure);
        const Model& best = report.models[order[0]];
        std::vector<std::string> apart;
        std::vector<std::string> level;
        std::vector<std::string> against;
        for (std::size_t i = 1; i < order.size(); ++i) {
            const Model& other = report.models[order[i]];
            const TaskOrder ahead = ahead_on_tasks(report, best, other);
            if (ahead == TaskOrder::kApart) apart.push_back(other.id);
            if (ahead_on_tasks(report, other, best) == TaskOrder::kApart) {
                against.push_back(other.id);
            } else if (ahead == TaskOrder::kLevel) {
                level.push_back(other.id);
            }
        }
        std::string text;
        if (!apart.empty())
            text += fmt::format("{} is also ahead of {} on tasks, by more than noise", best.id, listed(apart, 12));
        if (!level.empty()) {
            text += text.empty() ? fmt::format("No task tells {} from {}: the differences are within noise", best.id,
                                               listed(level, 12))
                                 : fmt::format("; no task tells it from {}", listed(level, 12));
        }
        if (!text.empty()) found.push_back(text + ".");
        if (!against.empty()) {
            found.push_back(
                fmt::format("On some task {} is behind {} by more than noise.", best.id, listed(against, 12)));
        }
    }
    return found;
}

std::string share_text(const Retention& retention) {
    if (!retention.low || !retention.high) return percent(retention.value);
    return fmt::format("{} [{}, {}]", percent(retention.value), percent(*retention.low), percent(*retention.high));
}

// The question behind the study: does multiple choice hide that generation is gone?
std::vector<std::string> retention_texts(const Report& report) {
    std::vector<std::string> found;
    std::vector<std::string> less;
    std::vector<std::string> more;
    std::vector<std::string> level;
    for (const Model& model : report.models) {
        const Pattern pattern = is_base(report, model) ? Pattern::kUnknown : pattern_of(model);
        if (pattern == Pattern::kUnknown) continue;
        const std::string shares =
            fmt::format("{} ({} and {})", model.id, percent(model.choice->value), percent(model.generation->value));
        if (pattern == Pattern::kCollapse) {
            found.push_back(
                fmt::format("{} keeps multiple choice while generation collapses: of the base's score above chance "
                            "{} is left in multiple choice and {} in generation.",
                            model.id, share_text(*model.choice), share_text(*model.generation)));
        }
        if (pattern == Pattern::kGenerationLess) less.push_back(shares);
        if (pattern == Pattern::kChoiceLess) more.push_back(shares);
        if (pattern == Pattern::kAlike) level.push_back(shares);
    }
    const std::string lead = found.empty() && !(less.empty() && more.empty() && level.empty())
                                 ? "No method keeps multiple choice while generation collapses."
                                 : "";
    std::string rest;
    const auto add = [&](std::string_view words, const std::vector<std::string>& names) {
        if (!names.empty()) rest += fmt::format("{}{}: {}.", rest.empty() ? "" : " ", words, listed(names, 12));
    };
    add("Left of multiple choice and of generation, alike within noise", level);
    add("Less left of generation than of multiple choice", less);
    add("Less left of multiple choice than of generation", more);
    if (!lead.empty()) found.push_back(lead);
    if (!rest.empty()) found.push_back(rest);
    return found;
}

void append(std::vector<std::string>& to, std::vector<std::string> more) {
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

Verdict write_verdict(const Report& report) {
    Verdict verdict;
    const std::vector<Places> classes = size_classes(report);
    for (const Places& members : classes) verdict.findings.push_back(class_text(report, members));
    if (report.models.size() == 1) {
        verdict.findings.push_back("No method was compared: this study holds the base alone.");
    } else if (classes.empty()) {
        verdict.findings.push_back("No method can be ranked: no sizes are known.");
    }
    append(verdict.findings, beaten(report, classes));
    append(verdict.findings, retention_texts(report));
    append(verdict.findings, order_texts(report, classes));
    append(verdict.findings, task_texts(report));
    verdict.limits = verdict_limits(report);
    return verdict;
}

}  // namespace dwubit::report
