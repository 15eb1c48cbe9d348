// A study's settings as resolved, for the report: what was measured on how much, with which options.
#pragma once

#include "json/json.h"
#include "study/plan.h"
#include "study/study_file.h"

namespace dwubit {

Json settings_json(const Study& study, const StudyInputs& inputs);

}  // namespace dwubit
