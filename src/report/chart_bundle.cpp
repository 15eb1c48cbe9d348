#include "report/chart_bundle.h"

#include <cstddef>

// The file's bytes go from the assembler into the read-only data, without passing through the compiler.
asm(".pushsection .rodata\n"
    ".globl dwubit_chart_bundle_begin\n"
    ".hidden dwubit_chart_bundle_begin\n"
    "dwubit_chart_bundle_begin:\n"
    ".incbin \"" DWUBIT_CHART_BUNDLE
    "\"\n"
    ".globl dwubit_chart_bundle_end\n"
    ".hidden dwubit_chart_bundle_end\n"
    "dwubit_chart_bundle_end:\n"
    ".popsection\n");

extern "C" {
extern const char dwubit_chart_bundle_begin[];
extern const char dwubit_chart_bundle_end[];
}

namespace dwubit::report {

std::string_view chart_bundle() {
    return {dwubit_chart_bundle_begin, static_cast<std::size_t>(dwubit_chart_bundle_end - dwubit_chart_bundle_begin)};
}

}  // namespace dwubit::report
