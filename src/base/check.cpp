#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace dwubit {

void check_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "dwubit: internal check failed: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

}  // namespace dwubit
