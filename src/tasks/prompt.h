// Question and answer as text, joined by lm-evaluation-harness' rules of delimiters.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

struct Turn {
    std::string question;
    std::optional<std::string> answer;
    std::string gen_prefix;         // what the answer begins with; may be empty
    std::string target_delimiter;   // between question and answer
    std::string fewshot_delimiter;  // behind the answer
};

// question, delimiter, gen_prefix, answer, delimiter. The target delimiter is left out where nothing follows, and in
// front of gen_prefix where white space is there already.
std::string turn_text(const Turn& turn);

// The answer of an example: of `choices` (may be empty) the one that an integer names, the first of a list, or the text
// itself; none for a null or an empty text. Error: it is no text.
Result<std::optional<std::string>> answer_text(const OrderedJson& target, const std::vector<std::string>& choices);

}  // namespace dwubit
