// Reader of GGUF files, versions 2 and 3, little-endian: metadata and tensors (docs/formats/gguf.md).
//
// Everything is validated before use: counts against the bytes that are left, strings, products of dimensions without
// overflow, the block size of each type, alignment, every extent inside the file without overlap. Values and tensors
// view the mapped file. Untrusted files give an Error, never a crash.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "checkpoint/tensor_table.h"

namespace dwubit {

// Types of metadata values, with the file's numbers.
enum class GgufType : std::uint32_t {
    kU8 = 0,
    kI8 = 1,
    kU16 = 2,
    kI16 = 3,
    kU32 = 4,
    kI32 = 5,
    kF32 = 6,
    kBool = 7,
    kString = 8,
    kArray = 9,
    kU64 = 10,
    kI64 = 11,
    kF64 = 12,
};

std::string_view gguf_type_name(GgufType type);  // "u8", "string", ...
std::size_t gguf_type_size(GgufType type);       // bytes of a value; 0 of strings and arrays

// Elements of one type; arrays of arrays are refused.
struct GgufArray {
    GgufType type = GgufType::kU8;
    std::uint64_t count = 0;
    std::span<const std::byte> bytes;       // of numbers and bools; at any address
    std::vector<std::string_view> strings;  // of strings; not necessarily UTF-8
};

struct GgufValue {
    GgufType type = GgufType::kU8;
    std::variant<std::uint64_t, std::int64_t, double, bool, std::string_view, GgufArray> value;
};

// The metadata of a file. Getters check type and range, and name the key; an absent key takes the fallback where one is
// given and is an error otherwise.
class GgufMetadata {
public:
    using Map = std::map<std::string, GgufValue, std::less<>>;
    GgufMetadata(Map values, std::string file) : values_(std::move(values)), file_(std::move(file)) {}

    bool has(std::string_view key) const { return find(key) != nullptr; }
    const GgufValue* find(std::string_view key) const;
    const Map& values() const { return values_; }
    const std::string& file() const { return file_; }  // base name, for messages

    // Of any integer type.
    Result<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max,
                                 std::optional<std::int64_t> fallback = std::nullopt) const;
    // Of any number type; finite, and within [min, max].
    Result<double> number(std::string_view key, double min, double max,
                          std::optional<double> fallback = std::nullopt) const;
    Result<bool> boolean(std::string_view key, std::optional<bool> fallback = std::nullopt) const;
    // Well-formed UTF-8.
    Result<std::string> string(std::string_view key, std::optional<std::string> fallback = std::nullopt) const;
    // Not copied; `count` where it must have that many elements.
    Result<const std::vector<std::string_view>*> strings(std::string_view key) const;
    Result<std::vector<std::int64_t>> integers(std::string_view key, std::optional<std::size_t> count = {}) const;
    Result<std::vector<double>> numbers(std::string_view key, std::optional<std::size_t> count = {}) const;

    Error invalid(std::string_view key, std::string_view expected) const;

private:
    Result<const GgufValue*> require(std::string_view key) const;
    Result<const GgufArray*> array(std::string_view key, std::string_view expected, std::optional<std::size_t> count,
                                   bool (*fits)(GgufType)) const;

    Map values_;
    std::string file_;
};

struct GgufFile {
    std::uint32_t version = 3;
    GgufMetadata metadata;
    TensorTable tensors;  // under the file's names; quantized ones are DType::kBlocks
};

// Maps the file; where it is the first of a split model ("<name>-00001-of-00005.gguf"), the other parts too, which must
// lie beside it.
Result<GgufFile> read_gguf(const std::filesystem::path& path);

// A file already in memory: `file` is the whole of it, and what is returned points into it.
Result<GgufFile> parse_gguf(std::span<const std::byte> file, const std::string& file_name);

// Whether the file at `path` begins as a GGUF file does. False where it cannot be read.
bool is_gguf_file(const std::filesystem::path& path);

}  // namespace dwubit
