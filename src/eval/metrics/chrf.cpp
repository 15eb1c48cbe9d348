#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "eval/metrics/text.h"
#include "eval/metrics/text_metrics.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

constexpr std::size_t kCharacterOrders = 6;
constexpr std::size_t kWordOrders = 2;  // of chrF++
constexpr double kFactor = 4;           // beta squared: how much more recall counts than precision

using Counts = std::map<std::u32string, std::int64_t>;

// Words, an ASCII punctuation mark at a word's end, else one at its beginning, set apart.
std::vector<std::u32string> words_of(std::string_view text) {
    const auto is_mark = [](char32_t c) {
        return c > U' ' && c < 0x7F && !(c >= U'0' && c <= U'9') && !(c >= U'A' && c <= U'Z') &&
               !(c >= U'a' && c <= U'z');
    };
    std::vector<std::u32string> words;
    for (const std::string_view part : split_words(text)) {
        const std::u32string word = without_space(part);
        if (word.size() > 1 && is_mark(word.back())) {
            words.push_back(word.substr(0, word.size() - 1));
            words.push_back(word.substr(word.size() - 1));
        } else if (word.size() > 1 && is_mark(word.front())) {
            words.push_back(word.substr(0, 1));
            words.push_back(word.substr(1));
        } else {
            words.push_back(word);
        }
    }
    return words;
}

// Per order: characters first, then words.
std::vector<Counts> ngrams_of(const std::string& text, std::size_t word_orders) {
    std::vector<Counts> orders;
    const std::u32string characters = without_space(text);
    for (std::size_t order = 1; order <= kCharacterOrders; ++order) {
        Counts& counts = orders.emplace_back();
        for (std::size_t i = 0; i + order <= characters.size(); ++i) ++counts[characters.substr(i, order)];
    }
    if (word_orders == 0) return orders;
    const std::vector<std::u32string> words = words_of(text);
    for (std::size_t order = 1; order <= word_orders; ++order) {
        Counts& counts = orders.emplace_back();
        for (std::size_t i = 0; i + order <= words.size(); ++i) {
            std::u32string joined = words[i];
            for (std::size_t j = 1; j < order; ++j) joined += U' ' + words[i + j];
            ++counts[joined];
        }
    }
    return orders;
}

// `sums` holds per order the n-grams of the answer, those of the reference, and the matches.
double chrf_score(std::span<const double> sums) {
    double precision = 0;
    double recall = 0;
    double orders = 0;
    for (std::size_t i = 0; i + 2 < sums.size(); i += 3) {
        if (sums[i] <= 0 || sums[i + 1] <= 0) continue;
        precision += sums[i + 2] / sums[i];
        recall += sums[i + 2] / sums[i + 1];
        ++orders;
    }
    if (orders == 0) return 0;
    precision /= orders;
    recall /= orders;
    if (precision + recall == 0) return 0;
    return 100 * ((1 + kFactor) * precision * recall / (kFactor * precision + recall));
}

std::vector<double> counts_with(const TextPair& pair, std::size_t word_orders) {
    const std::vector<Counts> answer = ngrams_of(pair.answer, word_orders);
    std::vector<double> best;
    double best_score = -1;
    for (const std::string& text : pair.references) {
        const std::vector<Counts> reference = ngrams_of(text, word_orders);
        std::vector<double> numbers;
        for (std::size_t i = 0; i < answer.size(); ++i) {
            double total = 0;
            double matches = 0;
            double expected = 0;
            for (const auto& [ngram, count] : answer[i]) {
                total += static_cast<double>(count);
                const auto found = reference[i].find(ngram);
                if (found != reference[i].end()) matches += static_cast<double>(std::min(count, found->second));
            }
            for (const auto& [ngram, count] : reference[i]) expected += static_cast<double>(count);
            // An order that the reference is too short for does not count against the answer.
            numbers.insert(numbers.end(), {reference[i].empty() ? 0 : total, expected, matches});
        }
        const double score = chrf_score(numbers);
        if (score > best_score) {
            best_score = score;
            best = std::move(numbers);
        }
    }
    return best;
}

Result<std::vector<double>> chrf_counts(const TextPair& pair) {
    return counts_with(pair, 0);
}
Result<std::vector<double>> chrf_plus_plus_counts(const TextPair& pair) {
    return counts_with(pair, kWordOrders);
}

}  // namespace

const TextMetric kChrf = {"chrf", 3 * kCharacterOrders, chrf_counts, chrf_score};
const TextMetric kChrfPlusPlus = {"chrf++", 3 * (kCharacterOrders + kWordOrders), chrf_plus_plus_counts, chrf_score};

}  // namespace dwubit
