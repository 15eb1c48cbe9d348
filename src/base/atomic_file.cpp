#include "base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/folders.h"

namespace dwubit {
namespace {

Result<void> write_all(int fd, const char* data, std::size_t size, const std::filesystem::path& path) {
    while (size > 0) {
        const ssize_t written = ::write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error("cannot write", path);
        data += written;
        size -= static_cast<std::size_t>(written);
    }
    return {};
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path) {
    static std::atomic<unsigned> counter{0};
    AtomicFile file;
    file.path_ = path;
    DWUBIT_TRY(create_folders(path.parent_path(), file.made_folders_));
    std::filesystem::path temporary = path;
    temporary += fmt::format(".tmp-{}-{}", ::getpid(), counter.fetch_add(1));
    file.fd_ = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.fd_ < 0) return system_error("cannot create", temporary);
    file.temporary_ = std::move(temporary);
    return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      made_folders_(std::exchange(other.made_folders_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(temporary_, other.temporary_);
    std::swap(made_folders_, other.made_folders_);
    std::swap(fd_, other.fd_);
    return *this;
}

AtomicFile::~AtomicFile() {
    discard();
}

void AtomicFile::discard() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
    temporary_.clear();
    remove_made_folders(made_folders_);
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
    return write_all(fd_, reinterpret_cast<const char*>(bytes.data()), bytes.size(), path_);
}

Result<void> AtomicFile::write(std::string_view text) {
    return write_all(fd_, text.data(), text.size(), path_);
}

Result<void> AtomicFile::commit() {
    if (::fsync(fd_) != 0) return system_error("cannot sync", path_);
    if (::close(std::exchange(fd_, -1)) != 0) return system_error("cannot close", path_);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error("cannot rename to", path_);
    temporary_.clear();
    made_folders_.clear();
    return sync_folder(path_.parent_path());
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text) {
    DWUBIT_ASSIGN(auto file, AtomicFile::create(path));
    DWUBIT_TRY(file.write(text));
    return file.commit();
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return system_error("cannot open", path);
    std::string text;
    char buffer[1 << 16];
    while (true) {
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            Error error = system_error("cannot read", path);
            ::close(fd);
            return error;
        }
        if (got == 0) break;
        if (text.size() + static_cast<std::size_t>(got) > limit) {
            ::close(fd);
            return errorf(ErrorKind::kInvalidInput, "{} is larger than {} bytes", path.string(), limit);
        }
        text.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(fd);
    return text;
}

}  // namespace dwubit
