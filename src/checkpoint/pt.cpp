#include "checkpoint/pt.h"

#include <cstring>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/pickle.h"
#include "checkpoint/zip_entries.h"

namespace dwubit {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kProgram = "data.pkl";

std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<void> check_container(Bytes file) {
    const std::string_view text = as_text(file);
    if (text.starts_with("PK\x03\x04")) return {};
    if (text.starts_with("\x80")) {
        return errorf(ErrorKind::kUnsupported, "this is a bare pickle, as torch before 1.6 saved")
            .with_hint("load and save it again with a newer torch");
    }
    return errorf(ErrorKind::kInvalidInput, "this is not a file of torch.save: it does not begin as a zip archive");
}

// "<prefix>/" of the one entry <prefix>/data.pkl.
Result<std::string> find_prefix(const std::map<std::string, Bytes>& entries) {
    const std::string* found = nullptr;
    for (const auto& entry : entries) {
        const std::string& name = entry.first;
        const std::size_t slash = name.find('/');
        if (slash == std::string::npos || std::string_view(name).substr(slash + 1) != kProgram) continue;
        if (found != nullptr) return errorf(ErrorKind::kInvalidInput, "the archive has two entries data.pkl");
        found = &name;
    }
    if (found == nullptr) {
        return errorf(ErrorKind::kInvalidInput, "this is not a file of torch.save: the archive has no data.pkl");
    }
    return found->substr(0, found->size() - kProgram.size());
}

Result<PickleValues> read_archive(Bytes file) {
    DWUBIT_TRY(check_container(file));
    DWUBIT_ASSIGN(const auto entries, read_zip_entries(file));
    DWUBIT_ASSIGN(const std::string prefix, find_prefix(entries));
    const auto order = entries.find(prefix + "byteorder");
    if (order != entries.end() && as_text(order->second) != "little") {
        return errorf(ErrorKind::kUnsupported, "its numbers are '{}'-endian", printable(as_text(order->second), 20));
    }
    const auto storage = [&](const std::string& key) -> Result<Bytes> {
        const auto at = entries.find(prefix + "data/" + key);
        if (at != entries.end()) return at->second;
        return errorf(ErrorKind::kInvalidInput, "the archive has no data/{}", printable(key, 40));
    };
    return read_pickle(entries.at(prefix + std::string(kProgram)), storage);
}

std::string described(const PtValue& value) {
    if (value.kind != PtKind::kTensor) return "something else";
    return fmt::format("{} of shape {}", dtype_name(value.dtype), printable(to_string(value.shape)));
}

bool is_integer_dtype(DType dtype) {
    return dtype == DType::kI64 || dtype == DType::kI32 || dtype == DType::kI16 || dtype == DType::kI8 ||
           dtype == DType::kU8;
}

// REQUIRES: one element of an integer dtype.
std::int64_t only_element(const PtValue& tensor) {
    std::uint64_t value = 0;
    const std::size_t size = tensor.bytes.size();
    const bool negative = tensor.dtype != DType::kU8 && (tensor.bytes.back() & std::byte{0x80}) != std::byte{0};
    if (negative) value = ~std::uint64_t{0};
    std::memcpy(&value, tensor.bytes.data(), size);
    return static_cast<std::int64_t>(value);
}

}  // namespace

Result<PtFile> PtFile::parse(Bytes file, const std::string& name) {
    auto read = read_archive(file);
    if (!read.ok()) {
        read.error().message = fmt::format("{}: {}", name, read.error().message);
        return std::move(read).error();
    }
    PtFile pt;
    pt.name_ = name;
    pt.values_ = std::move(read->values);
    pt.root_ = read->root;
    return pt;
}

Result<PtFile> PtFile::open(const std::filesystem::path& path) {
    DWUBIT_ASSIGN(MappedFile mapped, MappedFile::open(path));
    auto file = std::make_shared<MappedFile>(std::move(mapped));
    DWUBIT_ASSIGN(PtFile pt, parse(file->bytes(), path.filename().string()).context("file " + path.string()));
    pt.file_ = std::move(file);
    return pt;
}

const PtValue* PtFile::find(std::string_view key) const {
    const PtValue& dict = root();
    if (dict.kind != PtKind::kDict) return nullptr;
    // The last of equal keys counts, as in Python.
    for (std::size_t i = dict.items.size(); i >= 2; i -= 2) {
        const PtValue& name = values_[dict.items[i - 2]];
        if (name.kind == PtKind::kText && name.text == key) return &values_[dict.items[i - 1]];
    }
    return nullptr;
}

Result<const PtValue*> PtFile::tensor(std::string_view key, DType dtype, const Shape& shape) const {
    const PtValue* value = find(key);
    if (value == nullptr) return errorf(ErrorKind::kNotFound, "{} has no '{}'", name_, key);
    if (value->kind == PtKind::kTensor && value->dtype == dtype && value->shape == shape) return value;
    return errorf(ErrorKind::kInvalidInput, "{}: '{}' must be {} of shape {}, it is {}", name_, key, dtype_name(dtype),
                  to_string(shape), described(*value));
}

Result<std::int64_t> PtFile::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
    const PtValue* value = find(key);
    if (value == nullptr) return errorf(ErrorKind::kNotFound, "{} has no '{}'", name_, key);
    std::int64_t count = 0;
    const bool boxed = value->kind == PtKind::kTensor && is_integer_dtype(value->dtype) &&
                       element_count(value->shape, &count) && count == 1;
    if (boxed || value->kind == PtKind::kInteger) {
        const std::int64_t number = boxed ? only_element(*value) : value->integer;
        if (number >= min && number <= max) return number;
        return errorf(ErrorKind::kInvalidInput, "{}: '{}' must be from {} to {}, got {}", name_, key, min, max, number);
    }
    return errorf(ErrorKind::kInvalidInput, "{}: '{}' must be an integer from {} to {}", name_, key, min, max);
}

}  // namespace dwubit
