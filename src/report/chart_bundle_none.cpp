#include "report/chart_bundle.h"

namespace dwubit::report {

std::string_view chart_bundle() {
    return {};
}

}  // namespace dwubit::report
