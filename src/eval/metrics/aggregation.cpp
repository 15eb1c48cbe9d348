#include "eval/metrics/aggregation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "eval/metrics/labels.h"
#include "eval/metrics/text_metrics.h"
#include "tasks/python_random.h"

namespace dwubit {
namespace {

using Prepared = Result<std::unique_ptr<Statistic>>;
constexpr std::int64_t kChunk = 1000;
constexpr double kBypass = 999;  // what the reference reports

Error unfit(const OrderedJson& value, std::string_view wanted) {
    return errorf(ErrorKind::kInvalidInput, "a document's value is {}, not {}", printable(dump_json(value)), wanted);
}

Result<std::vector<double>> numbers_of(std::span<const OrderedJson> values) {
    std::vector<double> out;
    for (const OrderedJson& value : values) {
        if (value.is_boolean()) {
            out.push_back(value.get<bool>() ? 1 : 0);
        } else if (value.is_number()) {
            out.push_back(value.get<double>());
        } else {
            return unfit(value, "a number");
        }
    }
    return out;
}

double sample_deviation(std::span<const double> values) {
    const auto count = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return std::sqrt(squares / (count - 1));
}

class OfNumbers : public Statistic {
public:
    explicit OfNumbers(std::vector<double> values) : values_(std::move(values)) {}

    double error() const override { return sample_deviation(values_) / std::sqrt(static_cast<double>(values_.size())); }

protected:
    double mean(std::span<const std::uint32_t> sample) const {
        double sum = 0;
        for (const std::uint32_t i : sample) sum += values_[i];
        return sum / static_cast<double>(sample.size());
    }
    double value(std::uint32_t i) const { return values_[i]; }

private:
    std::vector<double> values_;
};

class Mean : public OfNumbers {
public:
    using OfNumbers::OfNumbers;
    double of(std::span<const std::uint32_t> sample) const override { return mean(sample); }
};

class Perplexity : public OfNumbers {
public:
    using OfNumbers::OfNumbers;
    double of(std::span<const std::uint32_t> sample) const override { return std::exp(-mean(sample)); }
};

// The upper of the two in the middle.
class Median : public OfNumbers {
public:
    using OfNumbers::OfNumbers;
    double of(std::span<const std::uint32_t> sample) const override {
        std::vector<double> values;
        values.reserve(sample.size());
        for (const std::uint32_t i : sample) values.push_back(value(i));
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        return *middle;
    }
};

class NanMean : public OfNumbers {
public:
    using OfNumbers::OfNumbers;
    double of(std::span<const std::uint32_t> sample) const override {
        double sum = 0;
        double count = 0;
        for (const std::uint32_t i : sample) {
            if (std::isnan(value(i))) continue;
            sum += value(i);
            ++count;
        }
        return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count;
    }
};

template <class Kind>
Prepared prepare_numbers(std::span<const OrderedJson> values) {
    DWUBIT_ASSIGN(std::vector<double> numbers, numbers_of(values));
    return std::unique_ptr<Statistic>(new Kind(std::move(numbers)));
}

// Sum of the first over sum of the second: log-likelihood per word or byte.
class PerWeight : public Statistic {
public:
    PerWeight(std::vector<std::pair<double, double>> values, bool bits) : values_(std::move(values)), bits_(bits) {}

    double of(std::span<const std::uint32_t> sample) const override {
        double sum = 0;
        double weight = 0;
        for (const std::uint32_t i : sample) {
            sum += values_[i].first;
            weight += values_[i].second;
        }
        return bits_ ? -(sum / weight) / std::numbers::ln2 : std::exp(-(sum / weight));
    }

private:
    std::vector<std::pair<double, double>> values_;
    bool bits_;
};

template <bool kBits>
Prepared prepare_weighted(std::span<const OrderedJson> values) {
    std::vector<std::pair<double, double>> pairs;
    double weight = 0;
    for (const OrderedJson& value : values) {
        if (!value.is_array() || value.size() != 2 || !value[0].is_number() || !value[1].is_number()) {
            return unfit(value, "[log-likelihood, weight]");
        }
        pairs.emplace_back(value[0].get<double>(), value[1].get<double>());
        weight += pairs.back().second;
    }
    if (weight <= 0) return errorf(ErrorKind::kInvalidInput, "the documents are empty: there is nothing to divide by");
    return std::unique_ptr<Statistic>(new PerWeight(std::move(pairs), kBits));
}

Prepared prepare_brier(std::span<const OrderedJson> values) {
    std::vector<double> scores;
    std::size_t choices = 0;
    for (const OrderedJson& value : values) {
        if (!value.is_array() || value.size() != 2 || !value[0].is_number_integer() || !value[1].is_array()) {
            return unfit(value, "[one gold index, probabilities]");
        }
        if (choices != 0 && value[1].size() != choices) {
            return errorf(ErrorKind::kInvalidInput, "documents have {} and {} choices; it wants equally many", choices,
                          value[1].size());
        }
        choices = value[1].size();
        DWUBIT_ASSIGN(std::vector<double> shares, numbers_of(value[1].get<std::vector<OrderedJson>>()));
        const auto gold = value[0].get<std::int64_t>();
        if (gold < 0 || gold >= static_cast<std::int64_t>(choices))
            return unfit(value, "a gold index among the choices");
        shares[static_cast<std::size_t>(gold)] -= 1;
        scores.push_back(std::inner_product(shares.begin(), shares.end(), shares.begin(), 0.0));
    }
    return std::unique_ptr<Statistic>(new Mean(std::move(scores)));
}

class Constant : public Statistic {
public:
    double of(std::span<const std::uint32_t>) const override { return kBypass; }
};

Prepared prepare_bypass(std::span<const OrderedJson>) {
    return std::unique_ptr<Statistic>(new Constant);
}

class OfTexts : public Statistic {
public:
    OfTexts(const TextMetric& metric, std::vector<double> numbers) : metric_(metric), numbers_(std::move(numbers)) {}

    double of(std::span<const std::uint32_t> sample) const override {
        std::vector<double> sums(metric_.width, 0.0);
        for (const std::uint32_t i : sample) {
            const double* const row = &numbers_[i * metric_.width];
            for (std::size_t k = 0; k < metric_.width; ++k) sums[k] += row[k];
        }
        return metric_.score(sums);
    }

private:
    const TextMetric& metric_;
    std::vector<double> numbers_;
};

// A list of one answer counts as that answer.
Result<TextPair> text_pair(const OrderedJson& value) {
    if (!value.is_array() || value.size() != 2) return unfit(value, "[reference, answer]");
    const OrderedJson& answer = value[1].is_array() && value[1].size() == 1 ? value[1][0] : value[1];
    const OrderedJson references = value[0].is_array() ? value[0] : OrderedJson::array({value[0]});
    TextPair pair;
    for (const OrderedJson& reference : references) {
        if (!reference.is_string()) return unfit(value, "[reference, answer] as text");
        pair.references.push_back(reference.get<std::string>());
    }
    if (pair.references.empty() || !answer.is_string()) return unfit(value, "[reference, answer] as text");
    pair.answer = answer.get<std::string>();
    return pair;
}

template <const TextMetric& kMetric>
Prepared prepare_texts(std::span<const OrderedJson> values) {
    std::vector<double> numbers;
    std::size_t references = 0;
    for (const OrderedJson& value : values) {
        DWUBIT_ASSIGN(const TextPair pair, text_pair(value));
        if (references != 0 && pair.references.size() != references) {
            return errorf(ErrorKind::kInvalidInput, "documents have {} and {} references; it wants equally many",
                          references, pair.references.size());
        }
        references = pair.references.size();
        DWUBIT_ASSIGN(const std::vector<double> row, kMetric.counts(pair));
        numbers.insert(numbers.end(), row.begin(), row.end());
    }
    return std::unique_ptr<Statistic>(new OfTexts(kMetric, std::move(numbers)));
}

using enum StandardError;

// One line per aggregation.
constexpr std::array kAggregations = {
    Aggregation{"bits_per_byte", ValueKind::kWeighted, kNone, prepare_weighted<true>},
    Aggregation{"bleu", ValueKind::kTexts, kBootstrap, prepare_texts<kBleu>},
    Aggregation{"brier_score", ValueKind::kProbabilities, kNone, prepare_brier},
    Aggregation{"bypass", ValueKind::kNothing, kNone, prepare_bypass},
    Aggregation{"chrf", ValueKind::kTexts, kBootstrap, prepare_texts<kChrf>},
    Aggregation{"chrf++", ValueKind::kTexts, kBootstrap, prepare_texts<kChrfPlusPlus>},
    Aggregation{"f1", ValueKind::kLabels, kBootstrap, prepare_binary_f1},
    Aggregation{"macro_f1", ValueKind::kLabels, kNone, prepare_macro_f1},
    Aggregation{"matthews_corrcoef", ValueKind::kLabels, kBootstrap, prepare_matthews},
    Aggregation{"mean", ValueKind::kNumber, kFormula, prepare_numbers<Mean>},
    Aggregation{"median", ValueKind::kNumber, kBootstrap, prepare_numbers<Median>},
    Aggregation{"nanmean", ValueKind::kNumber, kBootstrap, prepare_numbers<NanMean>},
    Aggregation{"perplexity", ValueKind::kNumber, kBootstrap, prepare_numbers<Perplexity>},
    Aggregation{"ter", ValueKind::kTexts, kBootstrap, prepare_texts<kTer>},
    Aggregation{"weighted_f1", ValueKind::kLabels, kNone, prepare_weighted_f1},
    Aggregation{"weighted_perplexity", ValueKind::kWeighted, kNone, prepare_weighted<false>},
};

// Names under which task files know functions of their own that do the same.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kAliases = {
    {{"f1 macro", "macro_f1"},
     {"f1_macro", "macro_f1"},
     {"macro-f1", "macro_f1"},
     {"macro_f1_score", "macro_f1"},
     {"weighted_f1_score", "weighted_f1"},
     {"f1_weighted", "weighted_f1"}}};

}  // namespace

Result<const Aggregation*> find_aggregation(std::string_view name) {
    for (const auto& [alias, meant] : kAliases) {
        if (name == alias) name = meant;
    }
    const auto* const found = std::find_if(kAggregations.begin(), kAggregations.end(),
                                           [&](const Aggregation& entry) { return entry.name == name; });
    if (found != kAggregations.end()) return found;
    std::string known;
    for (const Aggregation& entry : kAggregations) known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
    return errorf(ErrorKind::kUnsupported, "no aggregation '{}'", printable(name)).with_hint("aggregations: " + known);
}

std::vector<std::string> aggregation_names() {
    std::vector<std::string> names;
    for (const Aggregation& entry : kAggregations) names.emplace_back(entry.name);
    return names;
}

double score_of_all(const Statistic& statistic, std::size_t documents) {
    std::vector<std::uint32_t> all(documents);
    std::iota(all.begin(), all.end(), 0U);
    return statistic.of(all);
}

std::optional<double> bootstrap_error(const Statistic& statistic, std::size_t documents, std::int64_t iterations,
                                      ThreadPool* pool) {
    const std::int64_t chunk = std::min(kChunk, iterations);
    if (chunk < 2 || documents == 0) return std::nullopt;
    const std::int64_t chunks = iterations / chunk;
    std::vector<double> scores(static_cast<std::size_t>(chunks * chunk));
    const auto draw = [&](std::int64_t number) {
        PythonRandom random(number);
        std::vector<std::uint32_t> sample(documents);
        for (std::int64_t i = 0; i < chunk; ++i) {
            for (std::uint32_t& place : sample) {
                place = static_cast<std::uint32_t>(random.real() * static_cast<double>(documents));
            }
            scores[static_cast<std::size_t>(number * chunk + i)] = statistic.of(sample);
        }
    };
    if (pool != nullptr) {
        pool->parallel_for(chunks, draw);
    } else {
        for (std::int64_t number = 0; number < chunks; ++number) draw(number);
    }
    return sample_deviation(scores);
}

}  // namespace dwubit
