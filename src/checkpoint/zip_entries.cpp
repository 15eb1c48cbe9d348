// End record -> central directory -> local headers. Layouts: APPNOTE.TXT of the zip format, 4.3.
#include "checkpoint/zip_entries.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::size_t kMaxComment = 0xFFFF;
constexpr std::uint64_t kIn64 = 0xFFFFFFFF;  // the value lies in the 64-bit extra field
constexpr std::uint16_t kExtra64 = 1;
constexpr std::uint16_t kEncrypted = 1;
constexpr std::size_t kMaxEntries = 1 << 20;

// REQUIRES: at + sizeof(T) <= bytes.size().
template <class T>
T get(Bytes bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    return value;
}

Error broken(std::string_view what) {
    return errorf(ErrorKind::kInvalidInput, "the zip archive is broken: {}", what)
        .with_hint("the file is cut short or not what torch.save writes");
}

struct Directory {
    std::uint64_t begin = 0;
    std::uint64_t size = 0;
    std::uint64_t count = 0;
};

// Offset of the end record: the last place with its signature whose comment reaches the end of the file.
Result<std::size_t> find_end(Bytes file) {
    if (file.size() < kEndBytes) return broken("no end record");
    const std::size_t last = file.size() - kEndBytes;
    const std::size_t first = last - std::min(last, kMaxComment);
    for (std::size_t at = last;; --at) {
        if (get<std::uint32_t>(file, at) == kEndSignature &&
            get<std::uint16_t>(file, at + 20) == file.size() - at - kEndBytes) {
            return at;
        }
        if (at == first) return broken("no end record");
    }
}

Result<Directory> find_directory(Bytes file) {
    DWUBIT_ASSIGN(const std::size_t end, find_end(file));
    Directory directory;
    directory.count = get<std::uint16_t>(file, end + 10);
    directory.size = get<std::uint32_t>(file, end + 12);
    directory.begin = get<std::uint32_t>(file, end + 16);
    std::uint64_t limit = end;
    if (end >= kLocator64Bytes && get<std::uint32_t>(file, end - kLocator64Bytes) == kLocator64Signature) {
        const auto at = get<std::uint64_t>(file, end - kLocator64Bytes + 8);
        if (file.size() < kEnd64Bytes || at > file.size() - kEnd64Bytes ||
            get<std::uint32_t>(file, at) != kEnd64Signature) {
            return broken("no 64-bit end record");
        }
        directory.count = get<std::uint64_t>(file, at + 32);
        directory.size = get<std::uint64_t>(file, at + 40);
        directory.begin = get<std::uint64_t>(file, at + 48);
        limit = at;
    }
    if (directory.begin > limit || directory.size > limit - directory.begin) {
        return broken("the directory passes the end of the file");
    }
    if (directory.count > kMaxEntries || directory.count * kCentralBytes > directory.size) {
        return broken(fmt::format("{} entries in a directory of {} bytes", directory.count, directory.size));
    }
    return directory;
}

struct Entry {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t header = 0;  // offset of the local header
};

// The 64-bit extra field has those of size, compressed size and offset that did not fit, in this order.
Result<void> read_extra64(Bytes extra, std::uint64_t& size, std::uint64_t& stored, std::uint64_t& header) {
    for (std::size_t at = 0; at + 4 <= extra.size();) {
        const auto id = get<std::uint16_t>(extra, at);
        const std::size_t length = get<std::uint16_t>(extra, at + 2);
        at += 4;
        if (length > extra.size() - at) return broken("an extra field passes its end");
        if (id == kExtra64) {
            std::size_t used = 0;
            for (std::uint64_t* value : {&size, &stored, &header}) {
                if (*value != kIn64) continue;
                if (used + 8 > length) return broken("a 64-bit extra field is too short");
                *value = get<std::uint64_t>(extra, at + used);
                used += 8;
            }
            return {};
        }
        at += length;
    }
    return {};
}

// The central header at `at`, which moves behind it.
Result<Entry> read_central(Bytes directory, std::size_t& at) {
    if (directory.size() - at < kCentralBytes || get<std::uint32_t>(directory, at) != kCentralSignature) {
        return broken("a header of the directory is missing");
    }
    const auto flags = get<std::uint16_t>(directory, at + 8);
    const auto method = get<std::uint16_t>(directory, at + 10);
    std::uint64_t stored = get<std::uint32_t>(directory, at + 20);
    Entry entry;
    entry.size = get<std::uint32_t>(directory, at + 24);
    const std::size_t name_bytes = get<std::uint16_t>(directory, at + 28);
    const std::size_t extra_bytes = get<std::uint16_t>(directory, at + 30);
    const std::size_t comment_bytes = get<std::uint16_t>(directory, at + 32);
    entry.header = get<std::uint32_t>(directory, at + 42);
    at += kCentralBytes;
    if (directory.size() - at < name_bytes + extra_bytes + comment_bytes) return broken("a name passes the directory");
    entry.name.assign(reinterpret_cast<const char*>(directory.data() + at), name_bytes);
    DWUBIT_TRY(read_extra64(directory.subspan(at + name_bytes, extra_bytes), entry.size, stored, entry.header));
    at += name_bytes + extra_bytes + comment_bytes;
    if ((flags & kEncrypted) != 0 || method != 0) {
        return errorf(ErrorKind::kUnsupported, "entry '{}' is compressed or encrypted; torch.save stores entries",
                      printable(entry.name));
    }
    if (stored != entry.size) return broken(fmt::format("entry '{}' has two sizes", printable(entry.name)));
    return entry;
}

Result<Bytes> locate(Bytes file, const Entry& entry) {
    if (file.size() < kLocalBytes || entry.header > file.size() - kLocalBytes ||
        get<std::uint32_t>(file, entry.header) != kLocalSignature) {
        return broken(fmt::format("entry '{}' has no local header", printable(entry.name)));
    }
    const std::uint64_t begin = entry.header + kLocalBytes + get<std::uint16_t>(file, entry.header + 26) +
                                get<std::uint16_t>(file, entry.header + 28);
    if (begin > file.size() || entry.size > file.size() - begin) {
        return broken(
            fmt::format("entry '{}' of {} bytes passes the end of the file", printable(entry.name), entry.size));
    }
    return file.subspan(begin, entry.size);
}

}  // namespace

Result<std::map<std::string, Bytes>> read_zip_entries(Bytes file) {
    DWUBIT_ASSIGN(const Directory directory, find_directory(file));
    const Bytes headers = file.subspan(directory.begin, directory.size);
    std::map<std::string, Bytes> entries;
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < directory.count; ++i) {
        DWUBIT_ASSIGN(Entry entry, read_central(headers, at));
        DWUBIT_ASSIGN(const Bytes bytes, locate(file, entry));
        if (!entries.emplace(entry.name, bytes).second) {
            return broken(fmt::format("entry '{}' is there twice", printable(entry.name)));
        }
    }
    return entries;
}

}  // namespace dwubit
