// Making Errors from what the operating system says, and with format strings.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <utility>

#include "dwubit/result.h"

namespace dwubit {

// "cannot open a/b.json: No such file or directory", from errno; NotFound for ENOENT, Io otherwise.
Error system_error(std::string_view what, const std::filesystem::path& path);

template <class... Args>
Error errorf(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
    return make_error(kind, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dwubit
