// The verdict of a report, in sentences for an engineer who will pick a method by them.
#pragma once

#include <string>
#include <vector>

#include "report/report_data.h"

namespace dwubit::report {

struct Verdict {
    std::vector<std::string> findings;  // the answer first; never empty
    std::vector<std::string> limits;    // what nobody may conclude
};

Verdict write_verdict(const Report& report);

}  // namespace dwubit::report
