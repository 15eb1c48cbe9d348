// How a study tells what it is doing: steps, and inside a step what every long task reports.
#pragma once

#include <string_view>

#include "base/log.h"

namespace dwubit {

class StudyProgress : public ProgressSink {
public:
    // Step `number` of `count` that are to be done; `seconds` is what it is expected to take.
    virtual void begin_step(std::string_view id, int number, int count, double seconds) = 0;
    // `outcome`: "done", "found" (an earlier run had finished it), "failed", "stopped".
    virtual void end_step(std::string_view outcome, double seconds) = 0;
};

}  // namespace dwubit
