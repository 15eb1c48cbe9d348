// Activations between two layers, in a mapped file of fixed size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/thread_pool.h"

namespace dwubit::lab {

class SpillFile {
public:
    // Makes a file of `bytes` > 0 bytes, all of them reserved on the disk, so that writing to the map cannot fail.
    // Failure (kIo) where they do not fit; nothing is left then.
    static SpillFile create(const std::filesystem::path& path, std::uint64_t bytes);
    // Maps what a run left; an empty file of another size counts as absent. False where it is absent.
    static bool exists(const std::filesystem::path& path, std::uint64_t bytes);
    static SpillFile open(const std::filesystem::path& path, std::uint64_t bytes);

    SpillFile(SpillFile&& other) noexcept;
    SpillFile& operator=(SpillFile&& other) noexcept;
    ~SpillFile();  // unmaps; the file stays

    const std::filesystem::path& path() const { return path_; }
    std::byte* data() { return data_; }
    std::uint64_t size() const { return size_; }

    // 16 hexadecimal digits that tell what was written from what a crash of the machine left of it.
    std::string checksum(ThreadPool& pool) const;

private:
    SpillFile() = default;
    static SpillFile map(const std::filesystem::path& path, int fd, std::uint64_t bytes);

    std::filesystem::path path_;
    std::byte* data_ = nullptr;
    std::uint64_t size_ = 0;
};

}  // namespace dwubit::lab
