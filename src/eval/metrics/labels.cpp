#include "eval/metrics/labels.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::size_t kMaxClasses = 1000;

struct Classified {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> documents;  // gold and choice, numbers of classes
    std::vector<std::variant<std::int64_t, std::string>> labels;     // ascending
};

Result<std::variant<std::int64_t, std::string>> label_of(const OrderedJson& value) {
    if (value.is_string()) return std::variant<std::int64_t, std::string>(value.get<std::string>());
    if (value.is_boolean()) return std::variant<std::int64_t, std::string>(value.get<bool>() ? 1 : 0);
    if (value.is_number_integer()) return std::variant<std::int64_t, std::string>(value.get<std::int64_t>());
    return errorf(ErrorKind::kInvalidInput, "a label must be one integer or text, got {}", printable(dump_json(value)));
}

Result<Classified> classify(std::span<const OrderedJson> values) {
    using Label = std::variant<std::int64_t, std::string>;
    std::vector<std::pair<Label, Label>> pairs;
    std::map<Label, std::uint32_t> numbers;
    for (const OrderedJson& value : values) {
        if (!value.is_array() || value.size() != 2) {
            return errorf(ErrorKind::kInvalidInput, "a document's value is {}, not [gold, choice]",
                          printable(dump_json(value)));
        }
        DWUBIT_ASSIGN(const Label gold, label_of(value[0]));
        DWUBIT_ASSIGN(const Label choice, label_of(value[1]));
        if (gold.index() != choice.index() || (!pairs.empty() && pairs.front().first.index() != gold.index())) {
            return errorf(ErrorKind::kInvalidInput, "labels are partly numbers and partly texts: {}",
                          printable(dump_json(value)));
        }
        numbers.emplace(gold, 0);
        numbers.emplace(choice, 0);
        pairs.emplace_back(gold, choice);
    }
    if (numbers.size() > kMaxClasses) {
        return errorf(ErrorKind::kInvalidInput, "{} different labels; at most {}", numbers.size(), kMaxClasses);
    }
    Classified out;
    for (auto& [label, number] : numbers) {
        number = static_cast<std::uint32_t>(out.labels.size());
        out.labels.push_back(label);
    }
    for (const auto& [gold, choice] : pairs) out.documents.emplace_back(numbers.at(gold), numbers.at(choice));
    return out;
}

// How often each class is gold, is chosen, and is both.
struct Tallies {
    explicit Tallies(std::size_t classes) : gold(classes), chosen(classes), both(classes) {}
    std::vector<double> gold, chosen, both;

    double f1(std::size_t c) const { return gold[c] + chosen[c] == 0 ? 0 : 2 * both[c] / (gold[c] + chosen[c]); }
};

class OfLabels : public Statistic {
public:
    using Formula = double (*)(const Tallies& tallies);
    OfLabels(Classified classified, Formula formula) : classified_(std::move(classified)), formula_(formula) {}

    double of(std::span<const std::uint32_t> sample) const override {
        Tallies tallies(classified_.labels.size());
        for (const std::uint32_t i : sample) {
            const auto [gold, choice] = classified_.documents[i];
            ++tallies.gold[gold];
            ++tallies.chosen[choice];
            if (gold == choice) ++tallies.both[gold];
        }
        return formula_(tallies);
    }

private:
    Classified classified_;
    Formula formula_;
};

class BinaryF1 : public Statistic {
public:
    explicit BinaryF1(std::vector<std::pair<bool, bool>> documents) : documents_(std::move(documents)) {}

    double of(std::span<const std::uint32_t> sample) const override {
        std::int64_t both = 0;
        std::int64_t either = 0;
        for (const std::uint32_t i : sample) {
            const auto [gold, choice] = documents_[i];
            both += gold && choice ? 1 : 0;
            either += (gold ? 1 : 0) + (choice ? 1 : 0);
        }
        return either == 0 ? 0 : static_cast<double>(2 * both) / static_cast<double>(either);
    }

private:
    std::vector<std::pair<bool, bool>> documents_;
};

double macro_f1(const Tallies& tallies) {
    double sum = 0;
    double classes = 0;
    for (std::size_t c = 0; c < tallies.gold.size(); ++c) {
        if (tallies.gold[c] + tallies.chosen[c] == 0) continue;
        sum += tallies.f1(c);
        ++classes;
    }
    return sum / classes;
}

double weighted_f1(const Tallies& tallies) {
    double sum = 0;
    for (std::size_t c = 0; c < tallies.gold.size(); ++c) sum += tallies.f1(c) * tallies.gold[c];
    return sum / std::accumulate(tallies.gold.begin(), tallies.gold.end(), 0.0);
}

double matthews(const Tallies& tallies) {
    const double count = std::accumulate(tallies.gold.begin(), tallies.gold.end(), 0.0);
    const double correct = std::accumulate(tallies.both.begin(), tallies.both.end(), 0.0);
    const auto product = [&](const std::vector<double>& a, const std::vector<double>& b) {
        return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    };
    const double shared = correct * count - product(tallies.gold, tallies.chosen);
    const double chosen = count * count - product(tallies.chosen, tallies.chosen);
    const double gold = count * count - product(tallies.gold, tallies.gold);
    return chosen * gold == 0 ? 0 : shared / std::sqrt(chosen * gold);
}

Result<std::unique_ptr<Statistic>> prepare_with(std::span<const OrderedJson> values, OfLabels::Formula formula) {
    DWUBIT_ASSIGN(Classified classified, classify(values));
    return std::unique_ptr<Statistic>(new OfLabels(std::move(classified), formula));
}

}  // namespace

Result<std::unique_ptr<Statistic>> prepare_binary_f1(std::span<const OrderedJson> values) {
    DWUBIT_ASSIGN(const Classified classified, classify(values));
    const std::variant<std::int64_t, std::string> positive = std::int64_t{1};
    const auto is_positive = [&](std::uint32_t c) { return classified.labels[c] == positive; };
    bool any = false;
    for (std::uint32_t c = 0; c < classified.labels.size(); ++c) any = any || is_positive(c);
    if (classified.labels.size() > 2 || (classified.labels.size() == 2 && !any)) {
        return errorf(ErrorKind::kInvalidInput, "f1 is of two classes, one of them 1, but there are {} labels{}",
                      classified.labels.size(), any ? "" : " and none is 1")
            .with_hint("for more classes: aggregation macro_f1");
    }
    std::vector<std::pair<bool, bool>> documents;
    for (const auto& [gold, choice] : classified.documents)
        documents.emplace_back(is_positive(gold), is_positive(choice));
    return std::unique_ptr<Statistic>(new BinaryF1(std::move(documents)));
}

Result<std::unique_ptr<Statistic>> prepare_macro_f1(std::span<const OrderedJson> values) {
    return prepare_with(values, macro_f1);
}

Result<std::unique_ptr<Statistic>> prepare_weighted_f1(std::span<const OrderedJson> values) {
    return prepare_with(values, weighted_f1);
}

Result<std::unique_ptr<Statistic>> prepare_matthews(std::span<const OrderedJson> values) {
    return prepare_with(values, matthews);
}

}  // namespace dwubit
