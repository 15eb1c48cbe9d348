// DWUBIT_CHECK aborts on programmer errors. Never reachable from file contents, flags or requests: those are Errors.
#pragma once

namespace dwubit {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace dwubit

#define DWUBIT_CHECK(condition) ((condition) ? void(0) : ::dwubit::check_failed(#condition, __FILE__, __LINE__))
