#include "base/scratch_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"

namespace dwubit {
namespace {

constexpr std::uint64_t kChecksumBlock = std::uint64_t{1} << 24;

// Four lanes of multiply and xor over 64-bit words (the multiplier of FNV-1a), each block alone.
std::uint64_t block_checksum(const std::byte* bytes, std::uint64_t size) {
    constexpr std::uint64_t kPrime = 0x100000001b3;
    std::uint64_t lanes[4] = {1, 2, 3, 4};
    std::uint64_t at = 0;
    for (; at + 32 <= size; at += 32) {
        for (int lane = 0; lane < 4; ++lane) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes + at + 8 * lane, 8);
            lanes[lane] = (lanes[lane] ^ word) * kPrime;
            lanes[lane] ^= lanes[lane] >> 29;
        }
    }
    for (; at < size; ++at) lanes[0] = (lanes[0] ^ static_cast<std::uint64_t>(bytes[at])) * kPrime;
    std::uint64_t sum = size;
    for (const std::uint64_t lane : lanes) sum = (sum ^ lane) * kPrime;
    return sum ^ (sum >> 29);
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

}  // namespace

Result<ScratchFile> ScratchFile::create(const std::filesystem::path& path, std::uint64_t bytes) {
    const Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0) return system_error("cannot create", path);
    if (const int code = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes)); code != 0) {
        ::unlink(path.c_str());
        errno = code;
        return system_error(fmt::format("cannot reserve {} MiB for", (bytes >> 20) + 1), path);
    }
    return map(path, fd.get(), bytes);
}

Result<ScratchFile> ScratchFile::open(const std::filesystem::path& path, std::uint64_t bytes) {
    const Descriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (fd.get() < 0) return system_error("cannot open", path);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return system_error("cannot read", path);
    if (static_cast<std::uint64_t>(status.st_size) != bytes) {
        return errorf(ErrorKind::kInvalidInput, "{} has {} bytes, expected {}", path.string(), status.st_size, bytes);
    }
    return map(path, fd.get(), bytes);
}

Result<ScratchFile> ScratchFile::map(const std::filesystem::path& path, int fd, std::uint64_t bytes) {
    void* const data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) return system_error("cannot map", path);
    ScratchFile file;
    file.data_ = static_cast<std::byte*>(data);
    file.size_ = bytes;
    return file;
}

ScratchFile::ScratchFile(ScratchFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

ScratchFile& ScratchFile::operator=(ScratchFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

ScratchFile::~ScratchFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
}

std::string ScratchFile::checksum(ThreadPool& pool) const {
    const std::uint64_t blocks = (size_ + kChecksumBlock - 1) / kChecksumBlock;
    std::vector<std::uint64_t> sums(blocks);
    pool.parallel_for(static_cast<std::int64_t>(blocks), [&](std::int64_t i) {
        const std::uint64_t first = static_cast<std::uint64_t>(i) * kChecksumBlock;
        sums[static_cast<std::size_t>(i)] = block_checksum(data_ + first, std::min(kChecksumBlock, size_ - first));
    });
    const auto* bytes = reinterpret_cast<const std::byte*>(sums.data());
    return fmt::format("{:016x}", block_checksum(bytes, sums.size() * sizeof(std::uint64_t)));
}

}  // namespace dwubit
