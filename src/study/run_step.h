// Carries out one step of a study in its folder.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/thread_pool.h"
#include "eval/run_eval.h"
#include "lab_api/lab_api.h"
#include "study/plan.h"
#include "study/progress.h"

namespace dwubit {

struct StepContext {
    const Study& study;
    const std::filesystem::path& folder;  // of the study
    const LabApi* lab;                    // nullptr: no step needs it
    const std::string& device;            // of calibrate and quantize
    ThreadPool& pool;
    StudyProgress& progress;
    const std::function<void(std::string)>& warn;
};

// Writes the step's outputs, whole or not at all; what an earlier, stopped run of the same step left is gone on with.
// Not for the report.
Result<void> run_step(const StudyStep& step, const StepContext& context);

// A method of the study as `dwubit quantize` would be asked, and the study's tasks as `dwubit eval` would; outputs and
// models are left to fill in.
QuantizeRequest quantize_request(const Study& study, const StudyMethod& method);
EvalRequest eval_request(const StudyEval& settings);

// "auto" or a name of --act.
Result<ActType> study_act(const std::string& name);

// The model that a step measures: the study's, or models/<id>.
std::filesystem::path model_path(const Study& study, const std::filesystem::path& folder, const std::string& model);

}  // namespace dwubit
