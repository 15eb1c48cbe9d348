#include "report/document.h"

namespace dwubit::report {

Section quality_section(const Report& /*report*/) {
    return {"Quality against bytes", {}};
}

}  // namespace dwubit::report
