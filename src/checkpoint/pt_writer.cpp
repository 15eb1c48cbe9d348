// write_pt: a zip archive of stored entries, whose data begin at multiples of 64 as torch's do.
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/atomic_file.h"
#include "base/check.h"
#include "base/error.h"
#include "checkpoint/pt.h"

namespace dwubit {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint64_t kMaxBytes = 0xFFFFFFFE;  // of 32-bit zip archives
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kExtraHeader = 4;

template <class T>
void put(std::string& out, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
}

void put16(std::string& out, std::size_t value) {
    put(out, static_cast<std::uint16_t>(value));
}

void put32(std::string& out, std::uint64_t value) {
    put(out, static_cast<std::uint32_t>(value));
}

// --- the pickle ---

std::string_view storage_class(DType dtype) {
    switch (dtype) {
        case DType::kF32:
            return "FloatStorage";
        case DType::kF64:
            return "DoubleStorage";
        case DType::kF16:
            return "HalfStorage";
        case DType::kBf16:
            return "BFloat16Storage";
        case DType::kI64:
            return "LongStorage";
        case DType::kI32:
            return "IntStorage";
        case DType::kI16:
            return "ShortStorage";
        case DType::kI8:
            return "CharStorage";
        case DType::kU8:
            return "ByteStorage";
        default:
            DWUBIT_CHECK(!"a dtype that torch.load knows no storage of");
            return {};
    }
}

void pickle_text(std::string& out, std::string_view text) {
    out += 'X';
    put32(out, text.size());
    out += text;
}

void pickle_integer(std::string& out, std::int64_t value) {
    out += "\x8a\x08";
    put(out, value);
}

void pickle_integers(std::string& out, const Shape& values) {
    out += '(';
    for (const std::int64_t value : values) pickle_integer(out, value);
    out += 't';
}

Shape strides_of(const Shape& shape) {
    Shape strides(shape.size());
    std::int64_t stride = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        strides[i] = stride;
        stride *= std::max<std::int64_t>(shape[i], 1);
    }
    return strides;
}

void pickle_tensor(std::string& out, const PtTensor& tensor, std::size_t key) {
    std::int64_t count = 0;
    DWUBIT_CHECK(element_count(tensor.shape, &count));
    DWUBIT_CHECK(static_cast<std::uint64_t>(count) * dtype_size(tensor.dtype) == tensor.bytes.size());
    out += "ctorch._utils\n_rebuild_tensor_v2\n((";
    pickle_text(out, "storage");
    out += fmt::format("ctorch\n{}\n", storage_class(tensor.dtype));
    pickle_text(out, std::to_string(key));
    pickle_text(out, "cpu");
    pickle_integer(out, count);
    out += "tQ";
    pickle_integer(out, 0);
    pickle_integers(out, tensor.shape);
    pickle_integers(out, strides_of(tensor.shape));
    out +=
        "\x89"
        "ccollections\nOrderedDict\n)RtR";
}

// The program, and the storages that it names "0", "1", ...
std::string pickle(std::span<const PtMember> members, std::vector<Bytes>& storages) {
    std::string out = "\x80\x02}(";
    for (const auto& [name, value] : members) {
        pickle_text(out, name);
        if (const auto* tensor = std::get_if<PtTensor>(&value)) {
            pickle_tensor(out, *tensor, storages.size());
            storages.push_back(tensor->bytes);
        } else {
            pickle_integer(out, std::get<std::int64_t>(value));
        }
    }
    return out + "u.";
}

// --- the archive ---

class ZipWriter {
public:
    explicit ZipWriter(AtomicFile& file) : file_(file) {}

    Result<void> add(const std::string& name, Bytes bytes) {
        // The extra field 0x4246 fills up to the alignment.
        const std::uint64_t data = at_ + kLocalBytes + name.size() + kExtraHeader;
        const std::uint64_t fill = (kAlignment - data % kAlignment) % kAlignment;
        if (data + fill + bytes.size() > kMaxBytes) {
            return make_error(ErrorKind::kUnsupported, "files of torch.save above 4 GiB are not written");
        }
        const std::uint32_t header_at = static_cast<std::uint32_t>(at_);
        std::string shared;   // members that both headers have
        put16(shared, 0);     // flags
        put16(shared, 0);     // stored
        put16(shared, 0);     // time
        put16(shared, 0x21);  // date: 1980-01-01
        put32(shared, crc(bytes));
        put32(shared, bytes.size());
        put32(shared, bytes.size());
        put16(shared, name.size());
        std::string local = "PK\x03\x04";
        put16(local, 20);  // version needed
        local += shared;
        put16(local, kExtraHeader + fill);
        local += name + "FB";
        put16(local, fill);
        local.append(fill, 'Z');
        directory_ += "PK\x01\x02";
        put16(directory_, 20);  // version made by
        put16(directory_, 20);
        directory_ += shared;
        directory_.append(12, '\0');  // extra, comment, disk, attributes
        put32(directory_, header_at);
        directory_ += name;
        ++count_;
        DWUBIT_TRY(write(local));
        at_ += bytes.size();
        return file_.write(bytes);
    }

    Result<void> finish() {
        std::string end = "PK\x05\x06";
        put32(end, 0);  // disks
        put16(end, count_);
        put16(end, count_);
        put32(end, directory_.size());
        put32(end, at_);
        put16(end, 0);  // comment
        DWUBIT_TRY(write(directory_));
        return write(end);
    }

private:
    static std::uint32_t crc(Bytes bytes) {
        return static_cast<std::uint32_t>(
            ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
    }

    Result<void> write(const std::string& text) {
        at_ += text.size();
        return file_.write(text);
    }

    AtomicFile& file_;
    std::uint64_t at_ = 0;
    std::size_t count_ = 0;
    std::string directory_;
};

}  // namespace

Result<void> write_pt(const std::filesystem::path& path, std::span<const PtMember> members) {
    std::vector<Bytes> storages;
    const std::string program = pickle(members, storages);
    const auto bytes_of = [](std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); };
    DWUBIT_ASSIGN(AtomicFile file, AtomicFile::create(path));
    ZipWriter zip(file);
    DWUBIT_TRY(zip.add("archive/data.pkl", bytes_of(program)).context("file " + path.string()));
    DWUBIT_TRY(zip.add("archive/byteorder", bytes_of("little")));
    for (std::size_t i = 0; i < storages.size(); ++i) {
        DWUBIT_TRY(zip.add(fmt::format("archive/data/{}", i), storages[i]).context("file " + path.string()));
    }
    DWUBIT_TRY(zip.add("archive/version", bytes_of("3\n")));
    DWUBIT_TRY(zip.finish());
    return file.commit();
}

}  // namespace dwubit
