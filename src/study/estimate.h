// What the steps of a study are expected to take, before the first has run: operations over an assumed rate, and sizes
// that follow from shapes. Seconds are corrected by what steps of the same kind took (correct_by_history).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "study/plan.h"

namespace dwubit {

StepCost estimate_calibrate(const Study& study, const StudyInputs& inputs);
StepCost estimate_quantize(const ResolvedMethod& method, const StudyInputs& inputs);
StepCost estimate_perplexity(const StudyPerplexity& perplexity, bool kl, const StudyInputs& inputs);
StepCost estimate_eval(const StudyInputs& inputs);
StepCost estimate_report(const Study& study);

// Multiplies seconds by what done steps of the same kind took / were estimated to take.
void correct_by_history(std::vector<StudyStep>& steps, const std::map<std::string, StepRecord>& records);

}  // namespace dwubit
