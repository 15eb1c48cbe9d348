// The "post_processor" of tokenizer.json: which special tokens stand before and after a text.
#pragma once

#include <string>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

struct TextTemplate {
    std::vector<TokenId> prefix;
    std::vector<TokenId> suffix;
};

// TemplateProcessing, of which the part for a single text is used; ByteLevel and null, which put nothing around it; and
// a Sequence of these. The ids are not checked against the vocabulary.
Result<TextTemplate> parse_post_processor(const Json& json, const std::string& where);

}  // namespace dwubit
