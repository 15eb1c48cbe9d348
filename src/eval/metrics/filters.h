// Filters: what is made of a model's answers before they are scored.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tasks/task_config.h"

namespace dwubit {

// One step of a pipeline. An entry is what is known of one request: at first a list of its answers, one per repeat; a
// text, or [log-likelihood, greedy] each. Some filters leave one value in place of the list. Where a list is wanted a
// text counts as the list of its characters, as it does in Python: regex, take_first, map, take_first relies on that.
class AnswerFilter {
public:
    virtual ~AnswerFilter() = default;
    virtual Result<OrderedJson> apply(OrderedJson entry, const OrderedJson& doc) const = 0;
};

// Error: an unknown filter, with those there are as hint; an argument it does not take, or of the wrong type; a pattern
// that is no regular expression.
Result<std::unique_ptr<AnswerFilter>> make_filter(const FilterStep& step);

std::vector<std::string> filter_names();

class FilterChain {
public:
    // Errors name the filter.
    static Result<FilterChain> create(const FilterPipeline& pipeline);

    Result<OrderedJson> apply(OrderedJson entry, const OrderedJson& doc) const;
    const std::string& name() const { return name_; }

private:
    std::string name_;
    std::vector<std::string> functions_;
    std::vector<std::unique_ptr<AnswerFilter>> steps_;
};

}  // namespace dwubit
