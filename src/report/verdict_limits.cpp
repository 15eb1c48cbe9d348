#include "report/verdict_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/comparison.h"
#include "report/numbers.h"

namespace dwubit::report {
namespace {

using Sentences = std::vector<std::string>;

void at_chance(const Report& report, Sentences& out) {
    std::vector<std::string> names;
    for (const Task& task : report.tasks) {
        if (task.above_chance != false) continue;
        const auto& scores = report.models[report.base].tasks;
        const auto at = scores.find(task.name);
        std::string text = task.name;
        if (at != scores.end() && at->second.score && task.chance) {
            text += fmt::format(" ({}, chance {})", decimals(*at->second.score), decimals(*task.chance));
        }
        names.push_back(text);
    }
    if (names.empty()) return;
    out.push_back(
        fmt::format("The base itself is at chance on {}: a method's score there says nothing about what it kept, "
                    "and no retention is taken from it.",
                    listed(names, 6)));
}

// The widest interval of a difference, and whether the study saw any.
void within_noise(const Report& report, Sentences& out) {
    double widest = 0;
    const Task* where = nullptr;
    for (const Task& task : report.tasks) {
        for (const Model& model : report.models) {
            const auto at = model.tasks.find(task.name);
            if (at == model.tasks.end() || !at->second.difference_low || !at->second.difference_high) continue;
            const double half = (*at->second.difference_high - *at->second.difference_low) / 2;
            if (half <= widest) continue;
            widest = half;
            where = &task;
        }
    }
    if (where == nullptr) return;
    const std::string documents =
        where->documents ? fmt::format(" with {} documents", *where->documents) : std::string();
    out.push_back(fmt::format("Within noise does not mean equal: on {}{} a loss of up to {} would not be seen.",
                              where->name, documents, decimals(widest)));
}

void different_sizes(const Report& report, Sentences& out) {
    if (size_classes(report).size() < 2) return;
    out.push_back(fmt::format(
        "Methods with different letters in the column \"size\" take different bytes (more than {} apart) and "
        "are not ranked against each other.",
        percent(kEqualBytes)));
}

void not_measured(const Report& report, Sentences& out) {
    std::vector<std::string> no_divergence;
    std::vector<std::string> under_floor;
    std::vector<std::string> no_bytes;
    for (const Model& model : report.models) {
        if (is_base(report, model)) continue;
        const Divergence& kl = model.divergence;
        if (!kl.mean) no_divergence.push_back(model.id);
        if (kl.mean && kl.noise_floor && *kl.mean <= *kl.noise_floor) under_floor.push_back(model.id);
        if (!model.bytes) no_bytes.push_back(model.id);
    }
    if (!no_divergence.empty()) {
        out.push_back(
            fmt::format("The KL divergence of {} was not measured; perplexity alone hides what gains and losses "
                        "cancel.",
                        listed(no_divergence, 6)));
    }
    if (!under_floor.empty()) {
        out.push_back(
            fmt::format("The KL divergence of {} is not above the noise floor: by it the base is not told apart "
                        "from itself.",
                        listed(under_floor, 6)));
    }
    if (!no_bytes.empty()) {
        out.push_back(
            fmt::format("The size of {} is not known: nothing compares with it at equal bytes.", listed(no_bytes, 6)));
    }
}

void no_generation(const Report& report, Sentences& out) {
    if (report.models.size() < 2) return;
    const auto has = [&](auto member) {
        return std::any_of(report.models.begin(), report.models.end(),
                           [&](const Model& model) { return !is_base(report, model) && (model.*member).has_value(); });
    };
    const bool choice = has(&Model::choice);
    const bool generation = has(&Model::generation);
    if (!choice && !generation) {
        out.push_back(
            "No task above chance was measured: whether multiple choice or generated text holds is not known.");
    } else if (!generation) {
        out.push_back(
            "No generation task above chance was measured: good multiple choice says nothing about generated text.");
    } else if (!choice) {
        out.push_back("No multiple-choice task above chance was measured: generation has nothing to be compared with.");
    }
}

}  // namespace

std::vector<std::string> verdict_limits(const Report& report) {
    Sentences out;
    at_chance(report, out);
    within_noise(report, out);
    different_sizes(report, out);
    not_measured(report, out);
    no_generation(report, out);
    return out;
}

}  // namespace dwubit::report
