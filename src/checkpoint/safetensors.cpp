// One safetensors file: header length, JSON header, extents. sharded.cpp puts several together.
#include "checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/safetensors_writer.h"
#include "json/json.h"

namespace dwubit {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's cap
constexpr std::size_t kMaxHeaderDepth = 8;

// One tensor of the header; begin and end count from the first byte after the header.
struct Entry {
    TensorView tensor;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

std::string view_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<std::string> header_text(std::span<const std::byte> file) {
    constexpr std::string_view kLfs = "version https://git-lfs";
    if (file.size() >= kLfs.size() && view_text(file.first(kLfs.size())) == kLfs) {
        return errorf(ErrorKind::kInvalidInput, "this is a Git LFS pointer, not the weights")
            .with_hint("run `git lfs pull` in the model's folder");
    }
    if (file.size() < kLengthBytes) {
        return errorf(ErrorKind::kInvalidInput, "{} bytes are too few for a safetensors file", file.size());
    }
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), kLengthBytes);
    if (length > kMaxHeaderBytes) {
        return errorf(ErrorKind::kInvalidInput, "header length {} is over the limit of {} bytes", length,
                      kMaxHeaderBytes);
    }
    if (length > file.size() - kLengthBytes) {
        return errorf(ErrorKind::kInvalidInput, "header length {} passes the end of the file of {} bytes", length,
                      file.size())
            .with_hint("the file is truncated or not in safetensors format");
    }
    std::string text = view_text(file.subspan(kLengthBytes, length));
    if (text.empty() || text.front() != '{') {
        return errorf(ErrorKind::kInvalidInput, "the header of {} bytes does not start with '{{'", length);
    }
    return text;
}

Result<std::map<std::string, std::string>> read_metadata(const Json& value) {
    std::map<std::string, std::string> metadata;
    if (value.is_null()) return metadata;
    if (!value.is_object()) return errorf(ErrorKind::kInvalidInput, "'__metadata__' must be an object of strings");
    for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) {
            return errorf(ErrorKind::kInvalidInput, "'__metadata__' member '{}' must be a string, got {}",
                          printable(key), text.type_name());
        }
        metadata.emplace(key, text.get<std::string>());
    }
    return metadata;
}

// A non-negative integer that fits into int64_t.
bool read_extent(const Json& value, std::int64_t* extent) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return false;
    *extent = value.get<std::int64_t>();
    return true;
}

Result<Shape> read_shape(const Fields& fields) {
    DWUBIT_ASSIGN(const Json* extents, fields.array("shape"));
    Shape shape;
    for (const Json& value : *extents) {
        std::int64_t extent = 0;
        if (!read_extent(value, &extent)) return fields.invalid("shape", "an array of integers from 0 to 2^63-1");
        shape.push_back(extent);
    }
    return shape;
}

Result<void> read_offsets(const Fields& fields, std::size_t data_size, Entry& entry) {
    DWUBIT_ASSIGN(const Json* offsets, fields.array("data_offsets"));
    std::int64_t begin = 0;
    std::int64_t end = 0;
    if (offsets->size() != 2 || !read_extent((*offsets)[0], &begin) || !read_extent((*offsets)[1], &end)) {
        return fields.invalid("data_offsets", "two integers from 0 to 2^63-1");
    }
    entry.begin = static_cast<std::uint64_t>(begin);
    entry.end = static_cast<std::uint64_t>(end);
    if (entry.begin > entry.end || entry.end > data_size) {
        return fields.invalid("data_offsets", fmt::format("[begin, end] with begin <= end <= {}", data_size))
            .with_hint("the file is truncated if its end lies beyond the data");
    }
    return {};
}

// REQUIRES: entry.tensor.dtype and shape, begin and end are set.
Result<void> check_size(const Entry& entry) {
    std::int64_t count = 0;
    std::uint64_t expected = 0;
    const std::uint64_t size = dtype_size(entry.tensor.dtype);
    if (!element_count(entry.tensor.shape, &count) ||
        __builtin_mul_overflow(static_cast<std::uint64_t>(count), size, &expected)) {
        return errorf(ErrorKind::kInvalidInput, "shape {} has more elements than 64 bits count",
                      printable(to_string(entry.tensor.shape)));
    }
    if (expected != entry.end - entry.begin) {
        return errorf(ErrorKind::kInvalidInput, "{} of shape {} takes {} bytes, but data_offsets [{}, {}] span {}",
                      dtype_name(entry.tensor.dtype), printable(to_string(entry.tensor.shape)), expected, entry.begin,
                      entry.end, entry.end - entry.begin);
    }
    return {};
}

Result<void> fill_entry(const Json& value, std::span<const std::byte> data, Entry& entry) {
    if (!value.is_object()) return errorf(ErrorKind::kInvalidInput, "expected an object, got {}", value.type_name());
    const Fields fields(value, "header");
    DWUBIT_ASSIGN(const std::string dtype, fields.string("dtype"));
    DWUBIT_ASSIGN(entry.tensor.dtype, dtype_from_name(dtype));
    DWUBIT_ASSIGN(entry.tensor.shape, read_shape(fields));
    DWUBIT_TRY(read_offsets(fields, data.size(), entry));
    DWUBIT_TRY(check_size(entry));
    entry.tensor.bytes = data.subspan(entry.begin, entry.end - entry.begin);
    return {};
}

// The tensors together cover the data exactly. Zero-sized ones may lie at any boundary.
Result<void> check_cover(std::vector<Entry>& entries, std::uint64_t data_size) {
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
    });
    std::uint64_t covered = 0;
    std::string_view before = "the header";
    for (const Entry& entry : entries) {
        if (entry.begin != covered) {
            return errorf(ErrorKind::kInvalidInput, "tensor '{}' begins at data byte {}, but {} ends at {}: {}",
                          printable(entry.tensor.name), entry.begin, printable(before), covered,
                          entry.begin < covered ? "they overlap" : "a hole");
        }
        covered = entry.end;
        before = entry.tensor.name;
    }
    if (covered != data_size) {
        return errorf(ErrorKind::kInvalidInput, "{} bytes after the last tensor belong to none", data_size - covered);
    }
    return {};
}

Result<SafetensorsHeader> parse(std::span<const std::byte> file, const std::string& file_name, TensorTable& table) {
    DWUBIT_ASSIGN(const std::string text, header_text(file));
    JsonLimits limits;
    limits.max_depth = kMaxHeaderDepth;
    DWUBIT_ASSIGN(const Json json, parse_json(text, limits).context("JSON header"));
    const auto data = file.subspan(kLengthBytes + text.size());

    SafetensorsHeader header;
    std::vector<Entry> entries;
    for (const auto& [name, value] : json.items()) {
        if (name == "__metadata__") {
            DWUBIT_ASSIGN(header.metadata, read_metadata(value));
            continue;
        }
        Entry entry;
        entry.tensor.name = name;
        entry.tensor.file = file_name;
        auto filled = fill_entry(value, data, entry);
        if (!filled.ok()) {
            filled.error().message = fmt::format("tensor '{}': {}", printable(name), filled.error().message);
            return std::move(filled).error();
        }
        entries.push_back(std::move(entry));
    }
    DWUBIT_TRY(check_cover(entries, data.size()));
    for (Entry& entry : entries) {
        if (!entry.tensor.name.starts_with(kPaddingPrefix)) DWUBIT_TRY(table.add(std::move(entry.tensor)));
    }
    return header;
}

}  // namespace

Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file, const std::string& file_name,
                                            TensorTable& table) {
    auto header = parse(file, file_name, table);
    if (!header.ok()) header.error().message = fmt::format("{}: {}", file_name, header.error().message);
    return header;
}

Result<SafetensorsHeader> read_safetensors(const std::filesystem::path& path, TensorTable& table) {
    DWUBIT_ASSIGN(MappedFile file, MappedFile::open(path));
    auto header = parse_safetensors(file.bytes(), path.filename().string(), table);
    if (!header.ok()) return std::move(header).context("file " + path.string());
    table.keep_alive(std::move(file));
    return header;
}

}  // namespace dwubit
