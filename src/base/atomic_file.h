// Files that appear whole or not at all: written to a temporary in the same folder, fsynced, renamed, folder fsynced.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "dwubit/result.h"

namespace dwubit {

class AtomicFile {
public:
    // Creates missing parent folders and a temporary `<name>.tmp-<pid>-<n>` beside `path`.
    static Result<AtomicFile> create(const std::filesystem::path& path);

    AtomicFile(AtomicFile&& other) noexcept;
    AtomicFile& operator=(AtomicFile&& other) noexcept;
    // Removes the temporary, and the folders create() made if they are empty, unless commit() succeeded.
    ~AtomicFile();

    Result<void> write(std::span<const std::byte> bytes);
    Result<void> write(std::string_view text);
    // fsync, rename over `path`, fsync the folder. Call once.
    Result<void> commit();

private:
    AtomicFile() = default;
    void discard();

    std::filesystem::path path_;
    std::filesystem::path temporary_;
    std::vector<std::filesystem::path> made_folders_;  // outermost first
    int fd_ = -1;
};

// The whole of `text` at `path`, atomically.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text);

// The whole file; refuses more than `limit` bytes before allocating.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 31);

}  // namespace dwubit
