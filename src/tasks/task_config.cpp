#include "tasks/task_config.h"

#include "base/check.h"

namespace dwubit {

std::string_view output_type_name(OutputType type) {
    switch (type) {
        case OutputType::kLoglikelihood:
            return "loglikelihood";
        case OutputType::kLoglikelihoodRolling:
            return "loglikelihood_rolling";
        case OutputType::kMultipleChoice:
            return "multiple_choice";
        case OutputType::kGenerateUntil:
            return "generate_until";
    }
    return "";
}

const std::string& TaskConfig::evaluated_split() const {
    const auto& split = test_split ? test_split : validation_split ? validation_split : training_split;
    DWUBIT_CHECK(split.has_value());
    return *split;
}

OrderedJson TaskConfig::version() const {
    const auto found = metadata.find("version");
    return found == metadata.end() ? OrderedJson() : *found;
}

}  // namespace dwubit
