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

constexpr double kKept = 0.8;       // of multiple choice, at least
constexpr double kCollapsed = 0.5;  // of generation, less than this

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

// "At 12.3 MB (2.13 bits per weight in the linears)"
std::string size_text(const Report& report, const Places& members) {
    const Model& first = report.models[members.front()];
    std::string text = "At " + bytes_text(static_cast<double>(*first.bytes));
    Number least;
    Number most;
    for (const std::size_t i : members) {
        const Number bits = report.models[i].bits_linears;
        if (!bits) continue;
        least = least ? std::min(*least, *bits) : *bits;
        most = most ? std::max(*most, *bits) : *bits;
    }
    if (!least) return text;
    const std::string low = significant(*least, 3);
    const std::string high = significant(*most, 3);
    return fmt::format("{} ({} bits per weight in the linears)", text, low == high ? low : low + " to " + high);
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
    const std::string lead = fmt::format("{} {} is the best of {}: {}.", size, best.id,
                                         counted(order.size(), "method", "methods"), quality_text(best));
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
    std::string text = fmt::format("{} {} cannot be told apart by {}: the difference is within noise. {} has {}.", size,
                                   listed(names, 6), measure_name(measure), report.models[order[0]].id,
                                   quality_text(report.models[order[0]]));
    if (!rest.empty()) text += fmt::format(" Worse by more than noise: {}.", listed(rest, 6));
    return text;
}

// One sentence or a few on a class of equal bytes.
std::string class_text(const Report& report, const Places& members) {
    const std::string size = size_text(report, members);
    if (members.size() == 1) {
        const Model& only = report.models[members[0]];
        return fmt::format("{} {} is alone: {}. No other method of this study has this size.", size, only.id,
                           quality_text(only));
    }
    const Measure measure = common_measure(report, members);
    if (measure == Measure::kNone) {
        return fmt::format("{} {} cannot be ranked: neither perplexity nor KL divergence was measured for all of them.",
                           size, listed(ids(report, members)));
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

// "orlik_dzialy −0.210 [−0.280, −0.140]"
std::string difference_text(const Task& task, const TaskScore& score) {
    const std::string bounds = interval(score.difference_low, score.difference_high);
    return fmt::format("{} {}{}{}", task.name, signed_decimals(*score.difference), bounds.empty() ? "" : " ", bounds);
}

// Methods against the base on the tasks above chance.
std::vector<std::string> task_texts(const Report& report) {
    std::vector<std::string> quiet;
    std::vector<std::string> found;
    for (const Model& model : report.models) {
        if (is_base(report, model)) continue;
        std::vector<std::string> worse;
        std::vector<std::string> better;
        std::size_t known = 0;
        for (const Task& task : report.tasks) {
            const auto at = model.tasks.find(task.name);
            if (task.above_chance == false || at == model.tasks.end()) continue;
            const TaskScore& score = at->second;
            if (!score.difference || !score.within_noise) continue;
            ++known;
            if (*score.within_noise) continue;
            const bool gain = (*score.difference > 0) == task.higher_is_better;
            (gain ? better : worse).push_back(difference_text(task, score));
        }
        if (known == 0) continue;
        if (worse.empty() && better.empty()) quiet.push_back(model.id);
        const std::string of = fmt::format("{} of {}", worse.size(), counted(known, "task", "tasks"));
        if (!worse.empty()) {
            found.push_back(
                fmt::format("{} is worse than the base by more than noise on {}: {}.", model.id, of, listed(worse, 3)));
        }
        if (!better.empty()) {
            found.push_back(
                fmt::format("{} is better than the base by more than noise on {}.", model.id, listed(better, 3)));
        }
    }
    if (!quiet.empty()) {
        found.insert(found.begin(), fmt::format("On every task above chance {} {} within noise of the base.",
                                                listed(quiet, 8), quiet.size() == 1 ? "is" : "are"));
    }
    return found;
}

// Pairs of one size whose differences from the base have no common point, on tasks above chance.
std::vector<std::string> between_texts(const Report& report, const std::vector<Places>& classes) {
    std::vector<std::string> pairs;
    bool compared = false;
    for (const Task& task : report.tasks) {
        if (task.above_chance == false) continue;
        for (const Places& members : classes) {
            for (const std::size_t a : members) {
                for (const std::size_t b : members) {
                    const auto first = report.models[a].tasks.find(task.name);
                    const auto second = report.models[b].tasks.find(task.name);
                    if (a == b || first == report.models[a].tasks.end() || second == report.models[b].tasks.end())
                        continue;
                    const TaskScore& x = first->second;
                    const TaskScore& y = second->second;
                    if (!x.difference || !y.difference) continue;
                    compared = compared || (x.difference_low && y.difference_low);
                    const bool better =
                        task.higher_is_better ? *x.difference > *y.difference : *x.difference < *y.difference;
                    if (better && disjoint(x.difference_low, x.difference_high, y.difference_low, y.difference_high)) {
                        pairs.push_back(
                            fmt::format("{} over {} on {}", report.models[a].id, report.models[b].id, task.name));
                    }
                }
            }
        }
    }
    if (!compared) return {};
    if (pairs.empty()) return {"No task separates two methods of one size: their intervals overlap on each."};
    return {fmt::format("Between methods of one size the tasks separate: {}.", listed(pairs, 4))};
}

std::string retention_text(const Retention& retention) {
    const std::string bounds = retention.low && retention.high
                                   ? fmt::format(" [{}, {}]", percent(*retention.low), percent(*retention.high))
                                   : "";
    return percent(retention.value) + bounds;
}

// The question behind the study: does multiple choice hide that generation is gone?
std::vector<std::string> retention_texts(const Report& report) {
    std::vector<std::string> found;
    std::vector<std::string> level;
    for (const Model& model : report.models) {
        if (is_base(report, model) || !model.choice || !model.generation) continue;
        const Retention& choice = *model.choice;
        const Retention& generation = *model.generation;
        const bool apart = disjoint(choice.low, choice.high, generation.low, generation.high);
        if (choice.value >= kKept && generation.value < kCollapsed && apart) {
            found.push_back(
                fmt::format("{} keeps multiple choice while generation collapses: {} of the base's score above chance "
                            "is left in multiple choice and {} in generation.",
                            model.id, retention_text(choice), retention_text(generation)));
        } else if (apart && generation.value < choice.value) {
            found.push_back(
                fmt::format("{} loses more in generation than multiple choice shows: {} is left there and {} "
                            "in multiple choice.",
                            model.id, retention_text(generation), retention_text(choice)));
        } else if (apart) {
            found.push_back(fmt::format("{} loses more in multiple choice ({} left) than in generation ({} left).",
                                        model.id, retention_text(choice), retention_text(generation)));
        } else {
            level.push_back(fmt::format("{} ({} and {})", model.id, percent(choice.value), percent(generation.value)));
        }
    }
    if (!level.empty()) {
        found.push_back(
            fmt::format("Multiple choice and generation keep alike, within noise, in {}.", listed(level, 8)));
    }
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
    append(verdict.findings, task_texts(report));
    append(verdict.findings, between_texts(report, classes));
    append(verdict.findings, retention_texts(report));
    verdict.limits = verdict_limits(report);
    return verdict;
}

}  // namespace dwubit::report
