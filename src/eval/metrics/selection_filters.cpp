#include <algorithm>

#include "base/error.h"
#include "eval/metrics/filter_kinds.h"
#include "tasks/python_value.h"

namespace dwubit {

Made make_take_first(Arguments& arguments) {
    DWUBIT_TRY(arguments.finish());
    return std::unique_ptr<AnswerFilter>(new OfList([](const std::vector<OrderedJson>& answers) -> Result<OrderedJson> {
        if (answers.empty()) return errorf(ErrorKind::kInvalidInput, "there is no first answer: the list is empty");
        return answers.front();
    }));
}

Made make_take_first_k(Arguments& arguments) {
    DWUBIT_ASSIGN(const std::int64_t k, arguments.integer("k", std::nullopt));
    DWUBIT_TRY(arguments.finish());
    if (k < 1) return errorf(ErrorKind::kInvalidInput, "'k' must be at least 1, got {}", k);
    return std::unique_ptr<AnswerFilter>(
        new OfList([k](const std::vector<OrderedJson>& answers) -> Result<OrderedJson> {
            if (static_cast<std::int64_t>(answers.size()) < k) {
                return errorf(ErrorKind::kInvalidInput, "it wants {} answers, there are {}", k, answers.size())
                    .with_hint("'repeats' of the task says how many there are");
            }
            OrderedJson out = OrderedJson::array();
            for (std::int64_t i = 0; i < k; ++i) out.push_back(answers[static_cast<std::size_t>(i)]);
            return out;
        }));
}

// A list with the answer that came most often; of equally frequent ones that which came first.
Made make_majority_vote(Arguments& arguments) {
    DWUBIT_TRY(arguments.finish());
    return std::unique_ptr<AnswerFilter>(new OfList([](const std::vector<OrderedJson>& answers) -> Result<OrderedJson> {
        std::vector<std::pair<const OrderedJson*, int>> counts;
        for (const OrderedJson& answer : answers) {
            const auto same = std::find_if(counts.begin(), counts.end(),
                                           [&](const auto& entry) { return python_equal(*entry.first, answer); });
            if (same == counts.end()) {
                counts.emplace_back(&answer, 1);
            } else {
                ++same->second;
            }
        }
        if (counts.empty()) return errorf(ErrorKind::kInvalidInput, "there is no answer to vote on");
        const auto best = std::max_element(counts.begin(), counts.end(),
                                           [](const auto& a, const auto& b) { return a.second < b.second; });
        return OrderedJson::array({*best->first});
    }));
}

}  // namespace dwubit
