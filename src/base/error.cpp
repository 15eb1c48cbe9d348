#include "base/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace dwubit {

std::string_view error_kind_name(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::kUsage:
            return "usage";
        case ErrorKind::kNotFound:
            return "not_found";
        case ErrorKind::kInvalidInput:
            return "invalid_input";
        case ErrorKind::kUnsupported:
            return "unsupported";
        case ErrorKind::kIo:
            return "io";
        case ErrorKind::kOutOfMemory:
            return "out_of_memory";
        case ErrorKind::kInterrupted:
            return "interrupted";
        case ErrorKind::kInternal:
            return "internal";
    }
    return "internal";
}

Error system_error(std::string_view what, const std::filesystem::path& path) {
    const int code = errno;
    const auto kind = code == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo;
    return make_error(kind, fmt::format("{} {}: {}", what, path.string(), std::generic_category().message(code)));
}

}  // namespace dwubit
