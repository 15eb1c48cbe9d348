// What fuzz programs of readers that work on several files share.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/check.h"
#include "dwubit/result.h"

namespace fuzz {

// A folder of this process, with `folders` in it.
inline std::filesystem::path make_folder(const char* name, std::initializer_list<const char*> folders) {
    const auto path = std::filesystem::temp_directory_path() / (std::string(name) + "." + std::to_string(getpid()));
    for (const char* folder : folders) std::filesystem::create_directories(path / folder);
    return path;
}

inline void write(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(text.data(), static_cast<std::streamsize>(text.size()));
}

// What comes before the next NUL, which is taken away from `rest` with it.
inline std::string_view take_part(std::string_view& rest) {
    const auto cut = rest.find('\0');
    const std::string_view part = rest.substr(0, cut);
    rest.remove_prefix(cut == std::string_view::npos ? rest.size() : cut + 1);
    return part;
}

// A refusal has a message, of sane size.
template <class T>
bool accepted(const dwubit::Result<T>& result) {
    if (!result.ok()) DWUBIT_CHECK(!result.error().message.empty() && result.error().message.size() < 4096);
    return result.ok();
}

}  // namespace fuzz
