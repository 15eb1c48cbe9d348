#include "eval/paired.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "eval/resample.h"
#include "eval/retention.h"

namespace dwubit {
namespace {

constexpr double kSameScore = 1e-6;  // relative, between the samples' score and the results file's
// Accuracies over choices, for which guessing gives one over their number.
constexpr std::array<std::string_view, 4> kGuessed = {"acc", "acc_norm", "acc_bytes", "acc_mutual_info"};

std::string_view kind_name(OutputType type) {
    switch (type) {
        case OutputType::kMultipleChoice:
            return "choice";
        case OutputType::kGenerateUntil:
            return "generation";
        case OutputType::kLoglikelihood:
        case OutputType::kLoglikelihoodRolling:
            return "likelihood";
    }
    return "";
}

class Constant : public Statistic {
public:
    explicit Constant(double value) : value_(value) {}
    double of(std::span<const std::uint32_t>) const override { return value_; }

private:
    double value_;
};

const LoadedTask* find_task(const LoadedResults& results, std::string_view name) {
    const auto found = std::find_if(results.tasks.begin(), results.tasks.end(),
                                    [&](const LoadedTask& task) { return task.name == name; });
    return found == results.tasks.end() ? nullptr : &*found;
}

const LoadedMetric* find_metric(const LoadedTask& task, const std::string& key) {
    const auto found = std::find_if(task.metrics.begin(), task.metrics.end(),
                                    [&](const LoadedMetric& metric) { return metric.key() == key; });
    return found == task.metrics.end() ? nullptr : &*found;
}

// --- what must agree -----------------------------------------------------------------------------------------------

Result<void> check_documents(const LoadedTask& base, const LoadedTask& other) {
    if (base.documents.size() != other.documents.size()) {
        return errorf(ErrorKind::kInvalidInput, "task '{}' has {} documents in {} and {} in {}", printable(base.name),
                      base.documents.size(), base.samples.string(), other.documents.size(), other.samples.string())
            .with_hint("evaluate both with the same --limit");
    }
    const auto differs = [&](const LoadedDocument& document, std::string_view what) {
        return errorf(ErrorKind::kInvalidInput, "task '{}', document {}: {} differs between {} and {}",
                      printable(base.name), document.id, what, base.samples.string(), other.samples.string());
    };
    for (std::size_t i = 0; i < base.documents.size(); ++i) {
        const LoadedDocument& a = base.documents[i];
        const LoadedDocument& b = other.documents[i];
        if (a.id != b.id) {
            return errorf(ErrorKind::kInvalidInput, "task '{}': document {} is in {} only", printable(base.name),
                          std::min(a.id, b.id), (a.id < b.id ? base : other).samples.string());
        }
        if (a.doc_hash != b.doc_hash) return differs(a, "the document (doc_hash)");
        if (a.target_hash != b.target_hash) return differs(a, "the right answer (target_hash)");
        if (a.prompt_hash != b.prompt_hash) return differs(a, "the prompt (prompt_hash)");
        if (a.choices != b.choices) return differs(a, "the number of choices (resps)");
    }
    return {};
}

Result<void> check_metrics(const LoadedTask& task, const LoadedTask& other) {
    for (const LoadedMetric& metric : task.metrics) {
        if (find_metric(other, metric.key()) == nullptr) {
            return errorf(ErrorKind::kInvalidInput, "task '{}': metric '{}' is in {} only", printable(task.name),
                          printable(metric.key()), task.samples.string());
        }
    }
    return {};
}

Result<void> check_same(const LoadedResults& base_results, const LoadedTask& base, const LoadedResults& other_results,
                        const LoadedTask& other) {
    const auto differs = [&](std::string_view what, const std::string& a, const std::string& b) {
        return errorf(ErrorKind::kInvalidInput, "task '{}': {} {} in {}, {} in {}", printable(base.name), what,
                      printable(a), base_results.file.string(), printable(b), other_results.file.string())
            .with_hint("evaluate both by the same task file and settings");
    };
    if (base.version != other.version) return differs("version", base.version, other.version);
    if (base.output_type != other.output_type) {
        return differs("output_type", std::string(output_type_name(base.output_type)),
                       std::string(output_type_name(other.output_type)));
    }
    if (base.shots != other.shots) return differs("few-shot examples:", base.shots, other.shots);
    DWUBIT_TRY(check_documents(base, other));
    DWUBIT_TRY(check_metrics(base, other));
    return check_metrics(other, base);
}

// --- one metric ----------------------------------------------------------------------------------------------------

// One side's values of a metric, ready to be resampled.
struct Side {
    std::vector<OrderedJson> values;
    std::unique_ptr<Statistic> statistic;
    double score = 0;
};

Result<Side> prepare_side(const LoadedTask& task, const LoadedMetric& metric) {
    const auto wrong = [&](Error error) {
        return std::move(error).add_context(
            fmt::format("metric '{}' of {}", printable(metric.key()), task.samples.string()));
    };
    Side side;
    for (const auto& value : metric.values) {
        if (value) side.values.push_back(*value);
    }
    if (side.values.empty()) {
        return wrong(errorf(ErrorKind::kInvalidInput, "task '{}': no document has a value of metric '{}'",
                            printable(task.name), printable(metric.key())));
    }
    auto prepared = metric.aggregation->prepare(side.values);
    if (!prepared.ok()) return wrong(std::move(prepared).error());
    side.statistic = std::move(prepared).value();
    side.score = score_of_all(*side.statistic, side.values.size());
    if (metric.score && std::abs(side.score - *metric.score) > kSameScore * std::max(1.0, std::abs(*metric.score))) {
        return wrong(errorf(ErrorKind::kInvalidInput,
                            "task '{}': the samples give {} {}, the results file says {}: they are not of one run",
                            printable(task.name), printable(metric.key()), side.score, *metric.score));
    }
    return side;
}

// {"lost", "gained"}: right answers of the base that the other has wrong, and the reverse. Null unless all are 0 or 1.
Json flips(const Side& base, const Side& other, const LoadedMetric& metric) {
    if (metric.aggregation->name != "mean") return nullptr;
    std::int64_t lost = 0;
    std::int64_t gained = 0;
    const auto number = [](const OrderedJson& value) {
        return value.is_boolean() ? (value.get<bool>() ? 1.0 : 0.0) : value.get<double>();
    };
    for (std::size_t i = 0; i < base.values.size(); ++i) {
        const double a = number(base.values[i]);
        const double b = number(other.values[i]);
        if ((a != 0 && a != 1) || (b != 0 && b != 1)) return nullptr;
        lost += (metric.higher_is_better ? a > b : a < b) ? 1 : 0;
        gained += (metric.higher_is_better ? a < b : a > b) ? 1 : 0;
    }
    return {{"lost", lost}, {"gained", gained}};
}

// What guessing scores, on the documents that have the metric; nullptr where nobody can say.
std::unique_ptr<Statistic> chance_of(const LoadedTask& task, const LoadedMetric& metric) {
    if (!metric.higher_is_better) return nullptr;
    if (task.output_type == OutputType::kGenerateUntil) return std::make_unique<Constant>(0);
    if (task.output_type != OutputType::kMultipleChoice) return nullptr;
    if (metric.name == "mcc") return std::make_unique<Constant>(0);
    if (std::find(kGuessed.begin(), kGuessed.end(), metric.name) == kGuessed.end()) return nullptr;
    std::vector<OrderedJson> shares;
    for (std::size_t i = 0; i < task.documents.size(); ++i) {
        if (!metric.values[i]) continue;
        if (task.documents[i].choices == 0) return nullptr;
        shares.emplace_back(1 / static_cast<double>(task.documents[i].choices));
    }
    auto mean = find_aggregation("mean");
    auto prepared = mean.ok() ? (*mean)->prepare(shares) : Result<std::unique_ptr<Statistic>>(mean.error());
    return prepared.ok() ? std::move(prepared).value() : nullptr;
}

std::vector<double> differences(const std::vector<double>& other, const std::vector<double>& base) {
    std::vector<double> out(base.size());
    std::transform(other.begin(), other.end(), base.begin(), out.begin(), std::minus<>());
    return out;
}

Json score_json(double score, const Interval& interval) {
    return {{"score", score}, {"low", interval.low}, {"high", interval.high}};
}

class Comparison {
public:
    Comparison(const PairedOptions& options, ThreadPool& pool) : options_(options), pool_(pool) {}

    Result<void> add(const LoadedTask& base, const LoadedTask& other) {
        for (const LoadedMetric& metric : base.metrics) {
            const LoadedMetric& same = *find_metric(other, metric.key());
            if (metric.aggregation != same.aggregation) {
                return errorf(ErrorKind::kInvalidInput, "task '{}', metric '{}': aggregation {} in {}, {} in {}",
                              printable(base.name), printable(metric.key()), metric.aggregation->name,
                              base.samples.string(), same.aggregation->name, other.samples.string());
            }
            DWUBIT_TRY(add_metric(base, metric, other, same));
        }
        return {};
    }

    Json finish() && {
        return {{"tasks", std::move(rows_)},
                {"choice_retention", retention(choice_, options_.level)},
                {"generation_retention", retention(generation_, options_.level)},
                {"resamples", options_.resamples},
                {"level", options_.level},
                {"seed", options_.seed}};
    }

private:
    Result<void> add_metric(const LoadedTask& base_task, const LoadedMetric& base_metric, const LoadedTask& other_task,
                            const LoadedMetric& other_metric) {
        for (std::size_t i = 0; i < base_metric.values.size(); ++i) {
            if (base_metric.values[i].has_value() == other_metric.values[i].has_value()) continue;
            const LoadedTask& having = base_metric.values[i] ? base_task : other_task;
            return errorf(ErrorKind::kInvalidInput, "task '{}', document {}: metric '{}' is in {} only",
                          printable(base_task.name), base_task.documents[i].id, printable(base_metric.key()),
                          having.samples.string());
        }
        DWUBIT_ASSIGN(const Side base, prepare_side(base_task, base_metric));
        DWUBIT_ASSIGN(const Side other, prepare_side(other_task, other_metric));
        const std::unique_ptr<Statistic> chance = chance_of(base_task, base_metric);
        std::vector<const Statistic*> statistics = {base.statistic.get(), other.statistic.get()};
        if (chance != nullptr) statistics.push_back(chance.get());
        const std::size_t documents = base.values.size();
        auto draws =
            resample(statistics, documents, options_.resamples, options_.seed, resample_stream(base_task.name), pool_);
        const Interval base_interval = percentile_interval(draws[0], options_.level);
        const Interval other_interval = percentile_interval(draws[1], options_.level);
        const Interval difference = percentile_interval(differences(draws[1], draws[0]), options_.level);
        const double guess = chance != nullptr ? score_of_all(*chance, documents) : 0;
        const bool above = chance != nullptr && base.score - guess > (base_interval.high - base_interval.low) / 2;
        const bool primary = base_metric.key() == base_task.primary_metric;
        rows_.push_back({{"name", base_task.name},
                         {"metric", base_metric.key()},
                         {"kind", kind_name(base_task.output_type)},
                         {"chance", chance != nullptr ? Json(guess) : Json()},
                         {"documents", documents},
                         {"higher_is_better", base_metric.higher_is_better},
                         {"above_chance", above},
                         {"base", score_json(base.score, base_interval)},
                         {"other", score_json(other.score, other_interval)},
                         {"difference", other.score - base.score},
                         {"difference_low", difference.low},
                         {"difference_high", difference.high},
                         {"within_noise", difference.low <= 0 && difference.high >= 0},
                         {"flips", flips(base, other, base_metric)},
                         {"primary", primary}});
        if (!primary || !above) return {};
        auto& kept = base_task.output_type == OutputType::kMultipleChoice ? choice_ : generation_;
        kept.push_back({base.score, other.score, guess, std::move(draws[0]), std::move(draws[1]), std::move(draws[2])});
        return {};
    }

    const PairedOptions& options_;
    ThreadPool& pool_;
    Json rows_ = Json::array();
    std::vector<RetainedTask> choice_, generation_;
};

std::vector<std::string> warnings_of(const LoadedResults& base, const LoadedResults& other) {
    std::vector<std::string> warnings = base.warnings;
    warnings.insert(warnings.end(), other.warnings.begin(), other.warnings.end());
    if (base.program != other.program) {
        warnings.push_back(fmt::format("{} is of {}, {} of {}", base.file.string(), printable(base.program),
                                       other.file.string(), printable(other.program)));
    }
    for (const auto& [one, two] : {std::pair(&base, &other), std::pair(&other, &base)}) {
        for (const LoadedTask& task : one->tasks) {
            if (find_task(*two, task.name) != nullptr) continue;
            warnings.push_back(
                fmt::format("task '{}' is left out: it is in {} only", printable(task.name), one->file.string()));
        }
    }
    return warnings;
}

Result<void> check_options(const PairedOptions& options) {
    if (options.resamples < 1) {
        return errorf(ErrorKind::kUsage, "resamples must be at least 1, got {}", options.resamples);
    }
    if (options.level > 0 && options.level < 1) return {};
    return errorf(ErrorKind::kUsage, "level must be between 0 and 1, got {}", options.level);
}

}  // namespace

Result<Json> compare_results(const LoadedResults& base, const LoadedResults& other, const PairedOptions& options,
                             ThreadPool& pool) {
    DWUBIT_TRY(check_options(options));
    Comparison comparison(options, pool);
    bool any = false;
    for (const LoadedTask& task : base.tasks) {
        const LoadedTask* same = find_task(other, task.name);
        if (same == nullptr) continue;
        any = true;
        DWUBIT_TRY(check_same(base, task, other, *same));
        DWUBIT_TRY(comparison.add(task, *same));
    }
    if (!any) {
        return errorf(ErrorKind::kInvalidInput, "{} and {} have no task in common", base.file.string(),
                      other.file.string());
    }
    Json out = std::move(comparison).finish();
    out["warnings"] = warnings_of(base, other);
    return out;
}

}  // namespace dwubit
