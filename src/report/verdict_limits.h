// What nobody may conclude from a report.
#pragma once

#include <string>
#include <vector>

#include "report/report_data.h"

namespace dwubit::report {

std::vector<std::string> verdict_limits(const Report& report);

}  // namespace dwubit::report
