#include "tokenizer/pre_tokenizer.h"

#include <cstddef>
#include <utility>

namespace dwubit {
namespace {

Result<Steps<PreTokenizerStep>> parse_pre_tokenizer(const Json& json, const std::string& where);

Result<Steps<PreTokenizerStep>> parse_pre_tokenizer_sequence(const Json& json, const std::string& where) {
    return parse_sequence<PreTokenizerStep>(json, where, "pretokenizers", parse_pre_tokenizer);
}

constexpr StepRow<PreTokenizerStep> kPreTokenizers[] = {
    {"Sequence", parse_pre_tokenizer_sequence},
};

Result<Steps<PreTokenizerStep>> parse_pre_tokenizer(const Json& json, const std::string& where) {
    return parse_step<PreTokenizerStep>(json, where, kPreTokenizers);
}

void split_from(const Steps<PreTokenizerStep>& steps, std::size_t first, std::string_view text,
                const std::function<void(std::string_view)>& word) {
    if (first == steps.size()) return word(text);
    steps[first]->split(text, [&](std::string_view part) { split_from(steps, first + 1, part, word); });
}

}  // namespace

Result<PreTokenizer> PreTokenizer::parse(const Json& json, const std::string& where) {
    PreTokenizer pre_tokenizer;
    DWUBIT_ASSIGN(pre_tokenizer.steps_, parse_chain<PreTokenizerStep>(json, where, parse_pre_tokenizer));
    return pre_tokenizer;
}

void PreTokenizer::split(std::string_view text, const std::function<void(std::string_view)>& word) const {
    split_from(steps_, 0, text, word);
}

}  // namespace dwubit
