// The steps of a tokenizer are looked up by their "type": a table has one row per type this build reads, and every
// other type is refused by name with that list.
//
// A parse function returns a list of steps, because a "Sequence" is the steps in it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "json/json.h"

namespace dwubit {

template <class Step>
using Steps = std::vector<std::unique_ptr<const Step>>;

template <class Step>
using ParseSteps = Result<Steps<Step>> (*)(const Json& json, const std::string& where);

template <class Step>
struct StepRow {
    std::string_view type;
    ParseSteps<Step> parse;
};

// A list of one step.
template <class Concrete, class Step, class... Args>
Steps<Step> one_step(Args&&... args) {
    Steps<Step> steps;
    steps.push_back(std::make_unique<const Concrete>(std::forward<Args>(args)...));
    return steps;
}

// `where` names the step in messages ("tokenizer.json: decoder").
template <class Step>
Result<Steps<Step>> parse_step(const Json& json, const std::string& where, std::span<const StepRow<Step>> table) {
    if (!json.is_object()) return errorf(ErrorKind::kInvalidInput, "{} must be an object or null", where);
    DWUBIT_ASSIGN(const std::string type, Fields(json, where).string("type"));
    std::string supported;
    for (const StepRow<Step>& row : table) {
        if (row.type == type) return row.parse(json, where);
        supported.append(", ").append(row.type);
    }
    return errorf(ErrorKind::kUnsupported, "{} of type '{}' is not supported", where, printable(type))
        .with_hint("supported: null" + supported);
}

// The steps of a "Sequence": an array of steps under `key`.
template <class Step>
Result<Steps<Step>> parse_sequence(const Json& json, const std::string& where, std::string_view key,
                                   ParseSteps<Step> parse) {
    DWUBIT_ASSIGN(const Json* array, Fields(json, where).array(key));
    Steps<Step> steps;
    for (std::size_t i = 0; i < array->size(); ++i) {
        DWUBIT_ASSIGN(Steps<Step> inner, parse((*array)[i], fmt::format("{}.{}[{}]", where, key, i)));
        for (auto& step : inner) steps.push_back(std::move(step));
    }
    return steps;
}

// What one member of tokenizer.json says: null is no step. Each step has growth(), an upper bound of the bytes it makes
// of one byte; a file whose steps together would blow text up is refused, since the text to come is anyone's.
template <class Step>
Result<Steps<Step>> parse_chain(const Json& json, const std::string& where, ParseSteps<Step> parse) {
    constexpr std::size_t kMaxSteps = 64;
    constexpr std::size_t kMaxGrowth = 256;
    if (json.is_null()) return Steps<Step>();
    DWUBIT_ASSIGN(Steps<Step> steps, parse(json, where));
    if (steps.size() > kMaxSteps) {
        return errorf(ErrorKind::kInvalidInput, "{} has {} steps, more than {}", where, steps.size(), kMaxSteps);
    }
    std::size_t growth = 1;
    for (const auto& step : steps) {
        if (step->growth() > kMaxGrowth / growth) {
            return errorf(ErrorKind::kInvalidInput, "{} would make text more than {} times longer", where, kMaxGrowth);
        }
        growth *= step->growth();
    }
    return steps;
}

}  // namespace dwubit
