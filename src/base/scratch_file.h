// A mapped file of fixed size for what does not fit into memory and need not outlive a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/thread_pool.h"
#include "dwubit/result.h"

namespace dwubit {

class ScratchFile {
public:
    // Makes a file of `bytes` > 0 bytes, all of them reserved on the disk, so that writing to the map cannot fail. Io
    // where they do not fit; nothing is left then.
    static Result<ScratchFile> create(const std::filesystem::path& path, std::uint64_t bytes);
    // Maps a file that exists; InvalidInput where it has another size.
    static Result<ScratchFile> open(const std::filesystem::path& path, std::uint64_t bytes);

    ScratchFile(ScratchFile&& other) noexcept;
    ScratchFile& operator=(ScratchFile&& other) noexcept;
    ~ScratchFile();  // unmaps; the file stays

    std::byte* data() { return data_; }
    const std::byte* data() const { return data_; }
    std::uint64_t size() const { return size_; }

    // 16 hexadecimal digits that tell what was written from what a crash of the machine left of it.
    std::string checksum(ThreadPool& pool) const;

private:
    ScratchFile() = default;
    static Result<ScratchFile> map(const std::filesystem::path& path, int fd, std::uint64_t bytes);

    std::byte* data_ = nullptr;
    std::uint64_t size_ = 0;
};

}  // namespace dwubit
