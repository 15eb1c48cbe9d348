#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>

#include "eval/metrics/text.h"
#include "eval/metrics/text_metrics.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

constexpr std::size_t kOrders = 4;
constexpr std::size_t kWidth = 2 + 2 * kOrders;  // words, words of the reference, matches and n-grams per order
constexpr double kLogOfZero = -9999999999.0;

using Ngrams = std::map<std::vector<std::string>, std::int64_t>;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_point(char c) {
    return c == '.' || c == ',';
}

// Set apart wherever they stand: ASCII punctuation but for the apostrophe, the comma, the hyphen and the point.
bool stands_alone(char c) {
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') || (c >= '(' && c <= '+') ||
           (c >= ':' && c <= '@') || c == '/';
}

std::string without(std::string text, std::string_view part, std::string_view replacement) {
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + replacement.size())) {
        text.replace(at, part.size(), replacement);
    }
    return text;
}

// Pairs of neighbours for which `fits`, from left to right and without overlap, written as before + first + between +
// second + after. Bytes do for characters: what counts is ASCII, on one side at least.
template <class Fits>
std::string spaced(const std::string& text, Fits fits, std::string_view before, std::string_view between,
                   std::string_view after) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i + 1 < text.size() && fits(text[i], text[i + 1])) {
            out += before;
            out += text[i];
            out += between;
            out += text[++i];
            out += after;
        } else {
            out += text[i];
        }
    }
    return out;
}

Ngrams ngrams_of(const std::vector<std::string>& words) {
    Ngrams counts;
    for (std::size_t order = 1; order <= kOrders; ++order) {
        for (std::size_t i = 0; i + order <= words.size(); ++i) {
            const auto begin = words.begin() + static_cast<std::ptrdiff_t>(i);
            ++counts[std::vector<std::string>(begin, begin + static_cast<std::ptrdiff_t>(order))];
        }
    }
    return counts;
}

Result<std::vector<double>> bleu_counts(const TextPair& pair) {
    const std::vector<std::string> words = tokens_13a(pair.answer);
    Ngrams expected;
    std::size_t nearest = 0;
    for (std::size_t r = 0; r < pair.references.size(); ++r) {
        const std::vector<std::string> reference = tokens_13a(pair.references[r]);
        for (const auto& [ngram, count] : ngrams_of(reference)) {
            std::int64_t& most = expected[ngram];
            most = std::max(most, count);
        }
        const auto distance = [&](std::size_t length) {
            return length > words.size() ? length - words.size() : words.size() - length;
        };
        const bool nearer = distance(reference.size()) < distance(nearest) ||
                            (distance(reference.size()) == distance(nearest) && reference.size() < nearest);
        if (r == 0 || nearer) nearest = reference.size();
    }
    std::vector<double> numbers(kWidth, 0.0);
    numbers[0] = static_cast<double>(words.size());
    numbers[1] = static_cast<double>(nearest);
    for (const auto& [ngram, count] : ngrams_of(words)) {
        const auto found = expected.find(ngram);
        const std::int64_t matches = found == expected.end() ? 0 : std::min(count, found->second);
        numbers[1 + ngram.size()] += static_cast<double>(matches);
        numbers[1 + kOrders + ngram.size()] += static_cast<double>(count);
    }
    return numbers;
}

double bleu_score(std::span<const double> sums) {
    const double words = sums[0];
    const double reference = sums[1];
    const auto matches = sums.subspan(2, kOrders);
    const auto totals = sums.subspan(2 + kOrders, kOrders);
    double brevity = 1;
    if (words < reference) brevity = words > 0 ? std::exp(1 - reference / words) : 0.0;
    if (std::all_of(matches.begin(), matches.end(), [](double m) { return m == 0; })) return 0;
    std::array<double, kOrders> precisions{};
    double smoothing = 1;
    for (std::size_t i = 0; i < kOrders && totals[i] != 0; ++i) {
        if (matches[i] == 0) {
            smoothing *= 2;
            precisions[i] = 100.0 / (smoothing * totals[i]);
        } else {
            precisions[i] = 100.0 * matches[i] / totals[i];
        }
    }
    double logs = 0;
    for (const double precision : precisions) logs += precision == 0 ? kLogOfZero : std::log(precision);
    return brevity * std::exp(logs / static_cast<double>(kOrders));
}

}  // namespace

std::vector<std::string> tokens_13a(std::string_view text) {
    std::string line = without(std::string(tmpl::strip_right(text)), "<skipped>", "");
    line = without(line, "-\n", "");
    line = without(line, "\n", " ");
    line = without(line, "&quot;", "\"");
    line = without(line, "&amp;", "&");
    line = without(line, "&lt;", "<");
    line = without(line, "&gt;", ">");
    std::string apart;
    for (const char c : " " + line + " ") {
        if (stands_alone(c)) {
            apart += {' ', c, ' '};
        } else {
            apart += c;
        }
    }
    apart = spaced(
        apart, [](char a, char b) { return !is_digit(a) && is_point(b); }, "", " ", " ");
    apart = spaced(
        apart, [](char a, char b) { return is_point(a) && !is_digit(b); }, " ", " ", "");
    apart = spaced(
        apart, [](char a, char b) { return is_digit(a) && b == '-'; }, "", " ", " ");
    std::vector<std::string> words;
    for (const std::string_view word : split_words(apart)) words.emplace_back(word);
    return words;
}

const TextMetric kBleu = {"bleu", kWidth, bleu_counts, bleu_score};

}  // namespace dwubit
