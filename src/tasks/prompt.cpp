#include "tasks/prompt.h"

#include "base/error.h"
#include "base/text.h"
#include "tasks/fields.h"
#include "tasks/python_value.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

bool ends_with_space(std::string_view text) {
    return tmpl::strip_right(text).size() != text.size();
}

bool starts_with_space(std::string_view text) {
    return tmpl::strip_left(text).size() != text.size();
}

}  // namespace

std::string turn_text(const Turn& turn) {
    const std::string& prefix = turn.gen_prefix;
    const bool has_answer = turn.answer.has_value();
    const bool joins = ends_with_space(turn.question) || starts_with_space(prefix);
    std::string text = turn.question;
    if (prefix.empty() ? has_answer : !turn.question.empty() && !joins) text += turn.target_delimiter;
    text += prefix;
    if (!has_answer) return text;
    const bool answer_joins = turn.answer->empty() || ends_with_space(prefix) || starts_with_space(*turn.answer);
    if (!prefix.empty() && !answer_joins) text += ' ';
    return text + *turn.answer + turn.fewshot_delimiter;
}

Result<std::optional<std::string>> answer_text(const OrderedJson& target, const std::vector<std::string>& choices) {
    using Answer = std::optional<std::string>;
    if (target.is_null() || target == "") return Answer();
    if (const auto index = as_index(target); index && !choices.empty()) {
        if (*index >= 0 && static_cast<std::size_t>(*index) < choices.size()) {
            return Answer(choices[static_cast<std::size_t>(*index)]);
        }
        return errorf(ErrorKind::kInvalidInput, "doc_to_target: {} is none of the {} choices, which count from 0",
                      *index, choices.size());
    }
    const OrderedJson* answer = &target;
    if (target.is_array()) {
        if (target.empty()) return make_error(ErrorKind::kInvalidInput, "doc_to_target: an empty list of answers");
        answer = &target.front();
    }
    if (answer->is_string()) return Answer(answer->get<std::string>());
    return errorf(ErrorKind::kInvalidInput, "doc_to_target: the answer of an example must be text, not {} ({})",
                  printable(dump_json(*answer), 40), python_type(*answer));
}

}  // namespace dwubit
