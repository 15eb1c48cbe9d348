// The "pre_tokenizer" of tokenizer.json: splits normalized text into the words that BPE merges within.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "dwubit/result.h"
#include "json/json.h"
#include "tokenizer/step_table.h"

namespace dwubit {

class PreTokenizerStep {
public:
    virtual ~PreTokenizerStep() = default;
    // Calls `word` with the parts of `text`, in order.
    virtual void split(std::string_view text, const std::function<void(std::string_view)>& word) const = 0;
    // An upper bound of the bytes made of one byte, >= 1.
    virtual std::size_t growth() const = 0;
};

class PreTokenizer {
public:
    // null: the whole text is one word.
    static Result<PreTokenizer> parse(const Json& json, const std::string& where);

    void split(std::string_view text, const std::function<void(std::string_view)>& word) const;

private:
    Steps<PreTokenizerStep> steps_;
};

}  // namespace dwubit
