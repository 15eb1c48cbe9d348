// Read-only memory mapping of a whole file.
//
// A file that is truncated by someone else while it is mapped raises SIGBUS on access, as for every program that
// maps files; the size is checked once, at open().
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "dwubit/result.h"

namespace dwubit {

class MappedFile {
public:
    // Refuses folders and devices. An empty file maps to an empty span.
    static Result<MappedFile> open(const std::filesystem::path& path);

    MappedFile() = default;
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    ~MappedFile();

    std::span<const std::byte> bytes() const { return {data_, size_}; }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace dwubit
