// BLEU, chrF, chrF++ and TER over a corpus, with sacrebleu's default settings: numbers of each pair, summed, then one
// score in percent.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"

namespace dwubit {

struct TextPair {
    std::vector<std::string> references;  // at least one
    std::string answer;
};

struct TextMetric {
    std::string_view name;
    std::size_t width;                                            // how many numbers a pair gives
    Result<std::vector<double>> (*counts)(const TextPair& pair);  // error: texts too long for it
    double (*score)(std::span<const double> sums);
};

// 13a tokens, four orders, exponential smoothing.
extern const TextMetric kBleu;
// Six orders of characters; chrF++ also two of words. beta 2.
extern const TextMetric kChrf;
extern const TextMetric kChrfPlusPlus;
// Lower case, shifts as in Tercom.
extern const TextMetric kTer;

// BLEU's tokens.
std::vector<std::string> tokens_13a(std::string_view text);

}  // namespace dwubit
