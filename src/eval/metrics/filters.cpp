#include "eval/metrics/filters.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "eval/metrics/filter_kinds.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

struct FilterEntry {
    std::string_view name;
    Made (*make)(Arguments& arguments);
};

constexpr std::array kFilters = {
    FilterEntry{"format_span", make_format_span},
    FilterEntry{"lowercase", make_lowercase},
    FilterEntry{"majority_vote", make_majority_vote},
    FilterEntry{"map", make_map},
    FilterEntry{"multi_choice_regex", make_multi_choice_regex},
    FilterEntry{"regex", make_regex},
    FilterEntry{"regex_pos", make_regex_pos},
    FilterEntry{"remove_whitespace", make_remove_whitespace},
    FilterEntry{"take_first", make_take_first},
    FilterEntry{"take_first_k", make_take_first_k},
    FilterEntry{"uppercase", make_uppercase},
};

}  // namespace

Error not_text(const OrderedJson& answer) {
    return errorf(ErrorKind::kInvalidInput, "it works on text, but an answer is {}", printable(dump_json(answer)));
}

Result<std::vector<OrderedJson>> answers_of(const OrderedJson& entry) {
    std::vector<OrderedJson> items;
    if (entry.is_array()) {
        items.assign(entry.begin(), entry.end());
    } else if (entry.is_string()) {
        const auto& text = entry.get_ref<const std::string&>();
        for (std::size_t at = 0; at < text.size(); at += tmpl::character_length(text, at)) {
            items.emplace_back(text.substr(at, tmpl::character_length(text, at)));
        }
    } else {
        return errorf(ErrorKind::kInvalidInput, "it works on a list of answers, but gets {}",
                      printable(dump_json(entry)));
    }
    return items;
}

Result<std::unique_ptr<AnswerFilter>> make_filter(const FilterStep& step) {
    const auto* const found = std::find_if(kFilters.begin(), kFilters.end(),
                                           [&](const FilterEntry& entry) { return entry.name == step.function; });
    if (found == kFilters.end()) {
        std::string known;
        for (const FilterEntry& entry : kFilters) known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
        return errorf(ErrorKind::kUnsupported, "no filter '{}'", printable(step.function))
            .with_hint("filters: " + known);
    }
    Arguments arguments(step.arguments);
    return found->make(arguments).context(fmt::format("filter '{}'", step.function));
}

std::vector<std::string> filter_names() {
    std::vector<std::string> names;
    for (const FilterEntry& entry : kFilters) names.emplace_back(entry.name);
    return names;
}

Result<FilterChain> FilterChain::create(const FilterPipeline& pipeline) {
    FilterChain chain;
    chain.name_ = pipeline.name;
    for (const FilterStep& step : pipeline.steps) {
        DWUBIT_ASSIGN(std::unique_ptr<AnswerFilter> filter, make_filter(step));
        chain.functions_.push_back(step.function);
        chain.steps_.push_back(std::move(filter));
    }
    return chain;
}

Result<OrderedJson> FilterChain::apply(OrderedJson entry, const OrderedJson& doc) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        auto next = steps_[i]->apply(std::move(entry), doc);
        if (!next.ok()) return std::move(next).context(fmt::format("filter '{}'", functions_[i])).error();
        entry = std::move(next).value();
    }
    return entry;
}

}  // namespace dwubit
