// A study's progress on stderr: one line per running step with what is left of it; on a terminal redrawn, else plain
// lines, few enough for a log file.
#pragma once

#include <memory>

#include "study/progress.h"

namespace dwubit::cli {

// `quiet`: says nothing.
std::unique_ptr<StudyProgress> make_step_progress(bool terminal, bool quiet);

}  // namespace dwubit::cli
