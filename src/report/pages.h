// A document as a file.
#pragma once

#include <string>

#include "report/document.h"

namespace dwubit::report {

inline constexpr const char* kChartFolder = "report-charts/";

std::string markdown_page(const Document& document);

// One self-contained file: styles, charts and, where the build has it, the chart library are inside.
std::string html_page(const Document& document);

}  // namespace dwubit::report
