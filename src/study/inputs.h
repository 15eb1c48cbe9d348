// Looks at everything that a study names before the first step runs: model, texts, methods, tasks. What is wrong is
// found here.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/thread_pool.h"
#include "lab_api/lab_api.h"
#include "study/journal.h"
#include "study/plan.h"
#include "study/study_file.h"

namespace dwubit {

// `lab`: nullptr where the study has no methods. Hashes are kept in the journal. Errors name the study's file and key,
// and what was found there.
Result<StudyInputs> read_study_inputs(const Study& study, const LabApi* lab, const std::string& device,
                                      ThreadPool& pool, Journal& journal);

}  // namespace dwubit
