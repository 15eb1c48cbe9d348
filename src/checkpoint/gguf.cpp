// One GGUF file: header, metadata, tensor infos, extents. gguf_metadata.cpp has the getters, gguf_split.cpp puts the
// parts of a split model together.
#include "checkpoint/gguf.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "ggml/block_type.h"

namespace dwubit {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxAlignment = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxKeyBytes = 65535;  // the specification's
constexpr std::uint64_t kMaxNameBytes = 63;    // ggml's
constexpr std::uint32_t kMaxDimensions = 4;    // ggml's
// The least that one entry takes: length, one byte, type, one byte of value; length, byte, dimensions, type, offset.
constexpr std::uint64_t kMinValueBytes = 8 + 1 + 4 + 1;
constexpr std::uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

struct TypeRow {
    std::string_view name;
    std::size_t size;  // bytes of a value; 0: it varies
};

constexpr std::array<TypeRow, 13> kTypes = {{{"u8", 1},
                                             {"i8", 1},
                                             {"u16", 2},
                                             {"i16", 2},
                                             {"u32", 4},
                                             {"i32", 4},
                                             {"f32", 4},
                                             {"bool", 1},
                                             {"string", 0},
                                             {"array", 0},
                                             {"u64", 8},
                                             {"i64", 8},
                                             {"f64", 8}}};

const TypeRow& row_of(GgufType type) {
    return kTypes[static_cast<std::size_t>(type)];
}

// ggml's plain types; all others come in blocks.
std::optional<DType> plain_dtype(std::uint32_t id) {
    constexpr std::array<std::pair<std::uint32_t, DType>, 8> kPlain = {{{0, DType::kF32},
                                                                        {1, DType::kF16},
                                                                        {24, DType::kI8},
                                                                        {25, DType::kI16},
                                                                        {26, DType::kI32},
                                                                        {27, DType::kI64},
                                                                        {28, DType::kF64},
                                                                        {30, DType::kBf16}}};
    for (const auto& [plain, dtype] : kPlain) {
        if (plain == id) return dtype;
    }
    return std::nullopt;
}

struct TensorInfo {
    TensorView view;  // without bytes
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

// Reads a file from its first byte on; no read passes the end.
class Cursor {
public:
    explicit Cursor(std::span<const std::byte> file) : file_(file) {}

    std::uint64_t at() const { return at_; }
    std::uint64_t left() const { return file_.size() - at_; }

    Result<std::span<const std::byte>> take(std::uint64_t count, std::string_view what) {
        if (count > left()) {
            return errorf(ErrorKind::kInvalidInput, "{} of {} bytes at byte {} passes the end of the file of {} bytes",
                          what, count, at_, file_.size())
                .with_hint("the file is truncated or damaged; download it again");
        }
        const auto bytes = file_.subspan(at_, count);
        at_ += count;
        return bytes;
    }

    template <class T>
    Result<T> number(std::string_view what) {
        DWUBIT_ASSIGN(const auto bytes, take(sizeof(T), what));
        T value;
        std::memcpy(&value, bytes.data(), sizeof(T));
        return value;
    }

    Result<std::string_view> text(std::string_view what) {
        DWUBIT_ASSIGN(const auto length, number<std::uint64_t>(what));
        DWUBIT_ASSIGN(const auto bytes, take(length, what));
        return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }

    // A name: not empty, at most `limit` bytes, UTF-8.
    Result<std::string> name(std::string_view what, std::uint64_t limit) {
        DWUBIT_ASSIGN(const auto length, number<std::uint64_t>(what));
        if (length == 0 || length > limit) {
            return errorf(ErrorKind::kInvalidInput, "{} at byte {} has {} bytes; 1 to {} are allowed", what, at_,
                          length, limit);
        }
        DWUBIT_ASSIGN(const auto bytes, take(length, what));
        std::string name(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (find_invalid_utf8(name)) {
            return errorf(ErrorKind::kInvalidInput, "{} '{}' is not UTF-8", what, printable(name));
        }
        return name;
    }

    Result<GgufType> type(std::string_view what) {
        DWUBIT_ASSIGN(const auto id, number<std::uint32_t>(what));
        if (id >= kTypes.size()) {
            return errorf(ErrorKind::kInvalidInput, "{} has type {}; types are 0 to {}", what, id, kTypes.size() - 1);
        }
        return static_cast<GgufType>(id);
    }

private:
    std::span<const std::byte> file_;
    std::uint64_t at_ = 0;
};

template <class T>
T load(std::span<const std::byte> bytes) {
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
}

// A value of a type of fixed size.
Result<GgufValue> fixed_value(GgufType type, std::span<const std::byte> bytes) {
    switch (type) {
        case GgufType::kU8:
            return GgufValue{type, std::uint64_t{load<std::uint8_t>(bytes)}};
        case GgufType::kU16:
            return GgufValue{type, std::uint64_t{load<std::uint16_t>(bytes)}};
        case GgufType::kU32:
            return GgufValue{type, std::uint64_t{load<std::uint32_t>(bytes)}};
        case GgufType::kU64:
            return GgufValue{type, load<std::uint64_t>(bytes)};
        case GgufType::kI8:
            return GgufValue{type, std::int64_t{load<std::int8_t>(bytes)}};
        case GgufType::kI16:
            return GgufValue{type, std::int64_t{load<std::int16_t>(bytes)}};
        case GgufType::kI32:
            return GgufValue{type, std::int64_t{load<std::int32_t>(bytes)}};
        case GgufType::kI64:
            return GgufValue{type, load<std::int64_t>(bytes)};
        case GgufType::kF32:
            return GgufValue{type, double{load<float>(bytes)}};
        case GgufType::kF64:
            return GgufValue{type, load<double>(bytes)};
        default: {
            const auto byte = load<std::uint8_t>(bytes);
            if (byte > 1) return errorf(ErrorKind::kInvalidInput, "a bool is {}; 0 and 1 are allowed", byte);
            return GgufValue{type, byte == 1};
        }
    }
}

Result<GgufArray> read_array(Cursor& cursor) {
    GgufArray array;
    DWUBIT_ASSIGN(array.type, cursor.type("the array's element"));
    DWUBIT_ASSIGN(array.count, cursor.number<std::uint64_t>("the array's length"));
    if (array.type == GgufType::kArray) {
        return make_error(ErrorKind::kUnsupported, "an array of arrays is not supported");
    }
    const std::uint64_t least = array.type == GgufType::kString ? 8 : row_of(array.type).size;
    if (array.count > cursor.left() / least) {
        return errorf(ErrorKind::kInvalidInput, "an array of {} elements does not fit into the {} bytes that are left",
                      array.count, cursor.left());
    }
    if (array.type != GgufType::kString) {
        DWUBIT_ASSIGN(array.bytes, cursor.take(array.count * least, "the array"));
        const bool flags = array.type == GgufType::kBool;
        if (flags &&
            std::any_of(array.bytes.begin(), array.bytes.end(), [](std::byte b) { return b > std::byte{1}; })) {
            return make_error(ErrorKind::kInvalidInput, "an array of bools holds a byte that is neither 0 nor 1");
        }
        return array;
    }
    array.strings.reserve(array.count);
    for (std::uint64_t i = 0; i < array.count; ++i) {
        DWUBIT_ASSIGN(const std::string_view text, cursor.text("a string"));
        array.strings.push_back(text);
    }
    return array;
}

Result<GgufValue> read_value(Cursor& cursor) {
    DWUBIT_ASSIGN(const GgufType type, cursor.type("the value"));
    if (type == GgufType::kArray) {
        DWUBIT_ASSIGN(GgufArray array, read_array(cursor));
        return GgufValue{type, std::move(array)};
    }
    if (type == GgufType::kString) {
        DWUBIT_ASSIGN(const std::string_view text, cursor.text("the string"));
        return GgufValue{type, text};
    }
    DWUBIT_ASSIGN(const auto bytes, cursor.take(row_of(type).size, "the value"));
    return fixed_value(type, bytes);
}

Result<GgufMetadata::Map> read_values(Cursor& cursor, std::uint64_t count) {
    GgufMetadata::Map values;
    for (std::uint64_t i = 0; i < count; ++i) {
        DWUBIT_ASSIGN(std::string key, cursor.name("a metadata key", kMaxKeyBytes));
        auto value = read_value(cursor);
        if (!value.ok()) {
            value.error().message = fmt::format("metadata '{}': {}", printable(key), value.error().message);
            return std::move(value).error();
        }
        if (!values.emplace(key, *std::move(value)).second) {
            return errorf(ErrorKind::kInvalidInput, "metadata '{}' is there twice", printable(key));
        }
    }
    return values;
}

Result<void> read_shape(Cursor& cursor, Shape& shape) {
    DWUBIT_ASSIGN(const auto dimensions, cursor.number<std::uint32_t>("the number of dimensions"));
    if (dimensions == 0 || dimensions > kMaxDimensions) {
        return errorf(ErrorKind::kInvalidInput, "has {} dimensions; 1 to {} are allowed", dimensions, kMaxDimensions);
    }
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        DWUBIT_ASSIGN(const auto extent, cursor.number<std::uint64_t>("a dimension"));
        if (extent == 0 || extent > std::uint64_t{INT64_MAX}) {
            return errorf(ErrorKind::kInvalidInput, "has a dimension of {}", extent);
        }
        shape.insert(shape.begin(), static_cast<std::int64_t>(extent));  // the file has the innermost first
    }
    return {};
}

// dtype, blocks and size, from shape and ggml's type.
Result<void> read_type(Cursor& cursor, TensorInfo& info) {
    DWUBIT_ASSIGN(const auto id, cursor.number<std::uint32_t>("the type"));
    TensorView& view = info.view;
    std::int64_t count = 0;
    if (!element_count(view.shape, &count)) {
        return errorf(ErrorKind::kInvalidInput, "shape {} has too many elements", printable(to_string(view.shape)));
    }
    std::uint64_t weights = 1;
    std::uint64_t bytes = 0;
    if (const auto dtype = plain_dtype(id)) {
        view.dtype = *dtype;
        bytes = dtype_size(*dtype);
    } else if (const BlockType* blocks = find_block_type(id)) {
        view.dtype = DType::kBlocks;
        view.blocks = blocks;
        weights = static_cast<std::uint64_t>(blocks->weights);
        bytes = static_cast<std::uint64_t>(blocks->bytes);
    } else {
        std::string known;
        for (const BlockType& type : block_types()) known += (known.empty() ? "" : ", ") + std::string(type.name);
        return errorf(ErrorKind::kUnsupported, "has ggml type {}, which is not supported", id)
            .with_hint("supported: " + known);
    }
    if (static_cast<std::uint64_t>(view.shape.back()) % weights != 0) {
        return errorf(ErrorKind::kInvalidInput, "is {} with rows of {}; they must be a multiple of {}",
                      view.blocks->name, view.shape.back(), weights);
    }
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(count) / weights, bytes, &info.size)) {
        return errorf(ErrorKind::kInvalidInput, "shape {} has too many bytes", printable(to_string(view.shape)));
    }
    return {};
}

Result<std::vector<TensorInfo>> read_infos(Cursor& cursor, std::uint64_t count, const std::string& file_name) {
    std::vector<TensorInfo> infos;
    infos.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        TensorInfo info;
        info.view.file = file_name;
        DWUBIT_ASSIGN(info.view.name, cursor.name("a tensor name", kMaxNameBytes));
        const auto finish = [&]() -> Result<void> {
            DWUBIT_TRY(read_shape(cursor, info.view.shape));
            DWUBIT_TRY(read_type(cursor, info));
            DWUBIT_ASSIGN(info.offset, cursor.number<std::uint64_t>("the offset"));
            return {};
        };
        auto finished = finish();
        if (!finished.ok()) {
            finished.error().message =
                fmt::format("tensor '{}': {}", printable(info.view.name), finished.error().message);
            return std::move(finished).error();
        }
        infos.push_back(std::move(info));
    }
    return infos;
}

Result<std::uint64_t> read_alignment(const GgufMetadata::Map& values) {
    const auto found = values.find("general.alignment");
    if (found == values.end()) return kDefaultAlignment;
    const auto* number = std::get_if<std::uint64_t>(&found->second.value);
    if (found->second.type == GgufType::kU32 && *number >= 1 && *number <= kMaxAlignment &&
        (*number & (*number - 1)) == 0) {
        return *number;
    }
    return errorf(ErrorKind::kInvalidInput, "metadata 'general.alignment' must be a u32, a power of two up to {}",
                  kMaxAlignment);
}

// Gives each tensor its bytes in `data`, which begins where the file's tensor data does.
Result<void> place(std::vector<TensorInfo>& infos, std::span<const std::byte> data, std::uint64_t alignment,
                   TensorTable& table) {
    std::vector<const TensorInfo*> order;
    for (TensorInfo& info : infos) {
        if (info.offset % alignment != 0) {
            return errorf(ErrorKind::kInvalidInput, "tensor '{}' begins at offset {}, no multiple of the alignment {}",
                          printable(info.view.name), info.offset, alignment);
        }
        if (info.offset > data.size() || info.size > data.size() - info.offset) {
            return errorf(ErrorKind::kInvalidInput,
                          "tensor '{}' of {} bytes at offset {} passes the end of the tensor data of {} bytes",
                          printable(info.view.name), info.size, info.offset, data.size())
                .with_hint("the file is truncated or damaged; download it again");
        }
        info.view.bytes = data.subspan(info.offset, info.size);
        order.push_back(&info);
    }
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
    for (std::size_t i = 1; i < order.size(); ++i) {
        if (order[i - 1]->offset + order[i - 1]->size <= order[i]->offset) continue;
        return errorf(ErrorKind::kInvalidInput, "tensors '{}' and '{}' overlap", printable(order[i - 1]->view.name),
                      printable(order[i]->view.name));
    }
    for (const TensorInfo& info : infos) {
        if (table.find(info.view.name) != nullptr) {
            return errorf(ErrorKind::kInvalidInput, "tensor '{}' is there twice", printable(info.view.name));
        }
        DWUBIT_TRY(table.add(info.view));
    }
    return {};
}

Result<std::uint32_t> read_version(Cursor& cursor) {
    DWUBIT_ASSIGN(const auto magic, cursor.take(kMagic.size(), "the magic"));
    if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) {
        return make_error(ErrorKind::kInvalidInput, "is no GGUF file: it does not begin with 'GGUF'");
    }
    DWUBIT_ASSIGN(const auto version, cursor.number<std::uint32_t>("the version"));
    if (version == 2 || version == 3) return version;
    if ((version & 0xffffu) == 0) {
        return make_error(ErrorKind::kUnsupported, "is a big-endian GGUF file, which is not supported");
    }
    return errorf(ErrorKind::kUnsupported, "has GGUF version {}, which is not supported", version)
        .with_hint("supported: 2, 3");
}

Result<std::uint64_t> read_count(Cursor& cursor, std::string_view what, std::uint64_t least) {
    DWUBIT_ASSIGN(const auto count, cursor.number<std::uint64_t>(what));
    if (count <= cursor.left() / least) return count;
    return errorf(ErrorKind::kInvalidInput, "{} is {}, but {} bytes are left of the file", what, count, cursor.left());
}

Result<GgufFile> parse(std::span<const std::byte> file, const std::string& file_name) {
    Cursor cursor(file);
    DWUBIT_ASSIGN(const std::uint32_t version, read_version(cursor));
    DWUBIT_ASSIGN(const std::uint64_t tensors, read_count(cursor, "the number of tensors", kMinTensorBytes));
    DWUBIT_ASSIGN(const std::uint64_t count, read_count(cursor, "the number of metadata values", kMinValueBytes));
    DWUBIT_ASSIGN(GgufMetadata::Map values, read_values(cursor, count));
    if (tensors > cursor.left() / kMinTensorBytes) {
        return errorf(ErrorKind::kInvalidInput, "the number of tensors is {}, but {} bytes are left of the file",
                      tensors, cursor.left());
    }
    DWUBIT_ASSIGN(std::vector<TensorInfo> infos, read_infos(cursor, tensors, file_name));
    DWUBIT_ASSIGN(const std::uint64_t alignment, read_alignment(values));
    GgufFile gguf{version, GgufMetadata(std::move(values), file_name), {}};
    const std::uint64_t start = (cursor.at() + alignment - 1) / alignment * alignment;
    const auto data = start < file.size() ? file.subspan(start) : std::span<const std::byte>();
    DWUBIT_TRY(place(infos, data, alignment, gguf.tensors));
    return gguf;
}

}  // namespace

std::string_view gguf_type_name(GgufType type) {
    return row_of(type).name;
}

std::size_t gguf_type_size(GgufType type) {
    return row_of(type).size;
}

Result<GgufFile> parse_gguf(std::span<const std::byte> file, const std::string& file_name) {
    auto parsed = parse(file, file_name);
    if (!parsed.ok()) parsed.error().message = file_name + ": " + parsed.error().message;
    return parsed;
}

bool is_gguf_file(const std::filesystem::path& path) {
    std::error_code code;
    if (!std::filesystem::is_regular_file(path, code)) return false;
    std::array<char, 4> magic{};
    std::ifstream(path, std::ios::binary).read(magic.data(), magic.size());
    return std::string_view(magic.data(), magic.size()) == kMagic;
}

}  // namespace dwubit
