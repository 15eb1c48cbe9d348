#include "dwubit/version.h"

namespace dwubit {

std::string_view version() {
    return DWUBIT_VERSION;
}

}  // namespace dwubit
