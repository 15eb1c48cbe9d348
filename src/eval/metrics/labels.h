// Scores of classifications, from [gold, choice] per document. Labels are numbers or texts. Part of aggregation.cpp.
#pragma once

#include <memory>
#include <span>

#include "eval/metrics/aggregation.h"

namespace dwubit {

// F1 of the class 1. Error: more than two classes, or two of which none is 1.
Result<std::unique_ptr<Statistic>> prepare_binary_f1(std::span<const OrderedJson> values);
// Mean of F1 over the classes that occur in gold or choices; weighted_f1: weighted by how often each is gold.
Result<std::unique_ptr<Statistic>> prepare_macro_f1(std::span<const OrderedJson> values);
Result<std::unique_ptr<Statistic>> prepare_weighted_f1(std::span<const OrderedJson> values);
// Matthews correlation, for any number of classes.
Result<std::unique_ptr<Statistic>> prepare_matthews(std::span<const OrderedJson> values);

}  // namespace dwubit
