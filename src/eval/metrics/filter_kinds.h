// The filters there are, each made from its arguments. Part of filters.cpp, which has the table.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "eval/metrics/arguments.h"
#include "eval/metrics/filters.h"

namespace dwubit {

using Made = Result<std::unique_ptr<AnswerFilter>>;

// extraction_filters.cpp
Made make_regex(Arguments& arguments);
Made make_regex_pos(Arguments& arguments);
Made make_multi_choice_regex(Arguments& arguments);
// selection_filters.cpp
Made make_take_first(Arguments& arguments);
Made make_take_first_k(Arguments& arguments);
Made make_majority_vote(Arguments& arguments);
// transformation_filters.cpp
Made make_lowercase(Arguments& arguments);
Made make_uppercase(Arguments& arguments);
Made make_remove_whitespace(Arguments& arguments);
Made make_map(Arguments& arguments);
Made make_format_span(Arguments& arguments);

// What iterating over an entry gives in Python.
Result<std::vector<OrderedJson>> answers_of(const OrderedJson& entry);
Error not_text(const OrderedJson& answer);

// A filter that changes each answer on its own.
class EachAnswer : public AnswerFilter {
public:
    using Change = std::function<Result<OrderedJson>(const OrderedJson& answer)>;
    explicit EachAnswer(Change change) : change_(std::move(change)) {}

    Result<OrderedJson> apply(OrderedJson entry, const OrderedJson&) const override {
        DWUBIT_ASSIGN(const std::vector<OrderedJson> answers, answers_of(entry));
        OrderedJson out = OrderedJson::array();
        for (const OrderedJson& answer : answers) {
            DWUBIT_ASSIGN(OrderedJson changed, change_(answer));
            out.push_back(std::move(changed));
        }
        return out;
    }

private:
    Change change_;
};

// A filter that picks of the list of answers.
class OfList : public AnswerFilter {
public:
    using Pick = std::function<Result<OrderedJson>(const std::vector<OrderedJson>& answers)>;
    explicit OfList(Pick pick) : pick_(std::move(pick)) {}

    Result<OrderedJson> apply(OrderedJson entry, const OrderedJson&) const override {
        DWUBIT_ASSIGN(const std::vector<OrderedJson> answers, answers_of(entry));
        return pick_(answers);
    }

private:
    Pick pick_;
};

}  // namespace dwubit
