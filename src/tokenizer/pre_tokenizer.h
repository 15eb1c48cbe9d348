// The "pre_tokenizer" of tokenizer.json: splits normalized text into the words that BPE merges within.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "dwubit/result.h"
#include "json/json.h"
#include "tokenizer/split_pattern.h"
#include "tokenizer/step_table.h"

namespace dwubit {

// Called with the words of a text in order; a word is valid during the call only.
using WordVisitor = std::function<void(std::string_view)>;

class PreTokenizerStep {
public:
    virtual ~PreTokenizerStep() = default;
    // Calls `word` with the parts of `text` that are not empty. Error where a pattern needs too many steps on the text;
    // some parts may have been visited before it.
    virtual Result<void> split(std::string_view text, SplitBudget& budget, const WordVisitor& word) const = 0;
    // An upper bound of the bytes made of one byte, >= 1.
    virtual std::size_t growth() const = 0;
};

class PreTokenizer {
public:
    // null: the whole text is one word.
    static Result<PreTokenizer> parse(const Json& json, const std::string& where);

    Result<void> split(std::string_view text, SplitBudget& budget, const WordVisitor& word) const;

private:
    Steps<PreTokenizerStep> steps_;
};

}  // namespace dwubit
