#include "checkpoint/gguf.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "checkpoint/gguf_writer.h"
#include "checkpoint/stored_tensor.h"
#include "ggml/block_type.h"
#include "support/gguf_bytes.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

using namespace testing;
using Type = GgufType;

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kF16 = 1;
constexpr std::uint32_t kQ8_0 = 8;
constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;

std::span<const std::byte> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string error_of(const std::string& file) {
    auto read = parse_gguf(bytes_of(file), "x.gguf");
    return read.ok() ? "read" : read.error().message;
}

// The error's message has `part`.
void expect_error(const std::string& file, std::string_view part) {
    EXPECT_NE(error_of(file).find(part), std::string::npos) << error_of(file);
}

std::string u32(std::string_view key, std::uint32_t value) {
    return gguf_value(key, Type::kU32, gguf_number(value));
}

std::string with_tensor(const std::string& tensor, std::size_t bytes) {
    return gguf_file({}, {tensor}, std::string(bytes, '\0'));
}

TEST(Gguf, ReadsEveryTypeOfValue) {
    const std::vector<std::string> values = {
        gguf_value("u8", Type::kU8, gguf_number(std::uint8_t{200})),
        gguf_value("i8", Type::kI8, gguf_number(std::int8_t{-3})),
        gguf_value("u16", Type::kU16, gguf_number(std::uint16_t{60000})),
        gguf_value("i16", Type::kI16, gguf_number(std::int16_t{-300})),
        u32("u32", 4000000000u),
        gguf_value("i32", Type::kI32, gguf_number(std::int32_t{-70000})),
        gguf_value("f32", Type::kF32, gguf_number(1.5f)),
        gguf_value("bool", Type::kBool, gguf_number(std::uint8_t{1})),
        gguf_value("string", Type::kString, gguf_text("tak")),
        gguf_value("u64", Type::kU64, gguf_number(std::uint64_t{5})),
        gguf_value("i64", Type::kI64, gguf_number(std::int64_t{-5})),
        gguf_value("f64", Type::kF64, gguf_number(-0.25)),
        gguf_value("numbers", Type::kArray,
                   gguf_array(Type::kI16, 2, gguf_number(std::int16_t{-1}) + gguf_number(std::int16_t{7}))),
        gguf_value("texts", Type::kArray, gguf_array(Type::kString, 2, gguf_text("a") + gguf_text(""))),
    };
    for (const std::uint32_t version : {2u, 3u}) {
        const std::string file = gguf_file(values, {}, "", 32, version);
        auto read = parse_gguf(bytes_of(file), "x.gguf");
        ASSERT_TRUE(read.ok()) << read.error().message;
        EXPECT_EQ(read->version, version);
        const GgufMetadata& metadata = read->metadata;
        for (const auto& [key, value] : std::vector<std::pair<const char*, std::int64_t>>{{"u8", 200},
                                                                                          {"i8", -3},
                                                                                          {"u16", 60000},
                                                                                          {"i16", -300},
                                                                                          {"u32", 4000000000},
                                                                                          {"i32", -70000},
                                                                                          {"u64", 5},
                                                                                          {"i64", -5}}) {
            EXPECT_EQ(metadata.integer(key, INT64_MIN, INT64_MAX).value(), value) << key;
        }
        EXPECT_EQ(metadata.number("f32", -10, 10).value(), 1.5);
        EXPECT_EQ(metadata.number("f64", -10, 10).value(), -0.25);
        EXPECT_EQ(metadata.number("i8", -10, 10).value(), -3);
        EXPECT_TRUE(metadata.boolean("bool").value());
        EXPECT_EQ(metadata.string("string").value(), "tak");
        EXPECT_EQ(metadata.integers("numbers").value(), (std::vector<std::int64_t>{-1, 7}));
        EXPECT_EQ(**metadata.strings("texts"), (std::vector<std::string_view>{"a", ""}));
    }
}

TEST(Gguf, GettersSayWhatWouldBeRight) {
    const std::string file = gguf_file(
        {u32("n", 7), gguf_value("nan", Type::kF32, gguf_number(std::numeric_limits<float>::quiet_NaN())),
         gguf_value("big", Type::kU64, gguf_number(kHuge)), gguf_value("bytes", Type::kString, gguf_text("\xff")),
         gguf_value("list", Type::kArray, gguf_array(Type::kU8, 2, "ab"))},
        {}, "");
    auto read = parse_gguf(bytes_of(file), "x.gguf");
    ASSERT_TRUE(read.ok()) << read.error().message;
    const GgufMetadata& m = read->metadata;
    EXPECT_EQ(m.integer("n", 8, 9).error().message, "x.gguf: metadata 'n' must be an integer from 8 to 9, got u32 7");
    EXPECT_EQ(m.integer("none", 0, 9).error().message, "x.gguf: metadata 'none' is missing");
    EXPECT_EQ(m.integer("none", 0, 9, 4).value(), 4);
    EXPECT_FALSE(m.integer("big", 0, INT64_MAX).ok());
    EXPECT_FALSE(m.number("nan", -1, 1).ok());
    EXPECT_FALSE(m.string("bytes").ok());
    EXPECT_FALSE(m.string("n").ok());
    EXPECT_FALSE(m.boolean("n").ok());
    EXPECT_EQ(m.strings("list").error().message,
              "x.gguf: metadata 'list' must be an array of strings, got array of 2 u8");
    EXPECT_EQ(m.integers("list", 3).error().message,
              "x.gguf: metadata 'list' must be an array of 3 integers, got array of 2 u8");
}

TEST(Gguf, TensorsViewTheFile) {
    const std::string file = gguf_file({}, {gguf_tensor("b", {32, 2}, kQ8_0, 0), gguf_tensor("a", {3, 2}, kF16, 96)},
                                       std::string(96, '\1') + std::string(12, '\2'));
    auto read = parse_gguf(bytes_of(file), "x.gguf");
    ASSERT_TRUE(read.ok()) << read.error().message;
    const TensorView* const a = read->tensors.find("a");
    ASSERT_NE(a, nullptr);
    EXPECT_EQ(a->shape, (Shape{2, 3}));
    EXPECT_EQ(a->dtype, DType::kF16);
    EXPECT_EQ(a->bytes.size(), 12u);
    EXPECT_EQ(a->bytes[0], std::byte{2});
    const TensorView* const b = read->tensors.find("b");
    ASSERT_NE(b, nullptr);
    EXPECT_EQ(b->dtype, DType::kBlocks);
    EXPECT_STREQ(b->blocks->name, "Q8_0");
    EXPECT_EQ(b->bytes.size(), 2u * 34);
    EXPECT_EQ(stored_type_name(*b), "Q8_0");
    EXPECT_EQ(value_dtype(*b), DType::kF32);
}

TEST(Gguf, RefusesHeaders) {
    expect_error("", "passes the end of the file of 0 bytes");
    expect_error("GGML" + std::string(60, '\0'), "does not begin with 'GGUF'");
    expect_error(gguf_file({}, {}, "", 32, 1), "GGUF version 1");
    expect_error(gguf_file({}, {}, "", 32, 4), "GGUF version 4");
    expect_error(gguf_file({}, {}, "", 32, 0x03000000), "big-endian");
    const std::string head = "GGUF" + gguf_number(3u);
    expect_error(head, "the number of tensors");
    expect_error(head + gguf_number(kHuge) + gguf_number(std::uint64_t{0}),
                 "the number of tensors is 9223372036854775808");
    expect_error(head + gguf_number(std::uint64_t{0}) + gguf_number(~std::uint64_t{0}),
                 "the number of metadata values");
    // A file cut anywhere.
    const std::string whole = gguf_file({u32("n", 1), gguf_value("s", Type::kString, gguf_text("abc"))},
                                        {gguf_tensor("t", {8}, kF32, 0)}, std::string(32, '\0'));
    EXPECT_EQ(error_of(whole), "read");
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_NE(error_of(whole.substr(0, size)), "read") << size;
}

TEST(Gguf, RefusesValues) {
    const auto value = [](const std::string& bytes) { return gguf_file({bytes}, {}, std::string(64, '\0')); };
    expect_error(value(gguf_number(kHuge)), "a metadata key");
    expect_error(value(gguf_number(~std::uint64_t{0})), "a metadata key");
    expect_error(value(u32("", 1)), "has 0 bytes");
    expect_error(value(u32("\xff", 1)), "is not UTF-8");
    expect_error(value(gguf_text("k") + gguf_number(13u)), "has type 13");
    expect_error(value(gguf_text("k") + gguf_number(0xffffffffu)), "has type 4294967295");
    expect_error(value(gguf_value("k", Type::kString, gguf_number(kHuge))), "passes the end");
    expect_error(value(gguf_value("k", Type::kString, gguf_number(~std::uint64_t{0}))), "passes the end");
    expect_error(value(gguf_value("k", Type::kBool, "\2")), "a bool is 2");
    expect_error(value(gguf_value("k", Type::kArray, gguf_array(Type::kU64, kHuge, ""))), "does not fit");
    expect_error(value(gguf_value("k", Type::kArray, gguf_array(Type::kU64, std::uint64_t{1} << 61, ""))),
                 "does not fit");
    expect_error(value(gguf_value("k", Type::kArray, gguf_array(Type::kString, std::uint64_t{1} << 61, ""))),
                 "does not fit");
    expect_error(value(gguf_value("k", Type::kArray, gguf_array(Type::kString, 2, gguf_number(kHuge)))),
                 "passes the end");
    expect_error(value(gguf_value("k", Type::kArray, gguf_array(Type::kArray, 1, gguf_array(Type::kU8, 1, "a")))),
                 "array of arrays");
    expect_error(value(gguf_value("k", Type::kArray, gguf_array(Type::kBool, 2, std::string("\1\3", 2)))),
                 "neither 0 nor 1");
    expect_error(gguf_file({u32("k", 1), u32("k", 2)}, {}, ""), "metadata 'k' is there twice");
}

TEST(Gguf, RefusesTensorInfos) {
    expect_error(with_tensor(gguf_tensor("t", {}, kF32, 0), 32), "has 0 dimensions");
    expect_error(with_tensor(gguf_tensor("t", {1, 1, 1, 1, 1}, kF32, 0), 32), "has 5 dimensions");
    expect_error(with_tensor(gguf_text("t") + gguf_number(0xffffffffu) + std::string(40, '\0'), 32), "dimensions");
    expect_error(with_tensor(gguf_tensor("t", {0, 4}, kF32, 0), 32), "dimension of 0");
    expect_error(with_tensor(gguf_tensor("t", {kHuge}, kF32, 0), 32), "dimension of 9223372036854775808");
    expect_error(with_tensor(gguf_tensor("t", {~std::uint64_t{0}, 2, 1, 1}, kF32, 0), 32), "dimension of");
    expect_error(with_tensor(gguf_tensor("t", {std::uint64_t{1} << 42, std::uint64_t{1} << 42}, kF32, 0), 32),
                 "too many elements");
    expect_error(with_tensor(gguf_tensor("t", {std::uint64_t{1} << 62}, kF32, 0), 32), "too many bytes");
    expect_error(with_tensor(gguf_tensor("t", {(std::uint64_t{1} << 42) + 1, std::uint64_t{1} << 20}, kF32, 0), 32),
                 "too many bytes");
    for (const std::uint32_t type : {4u, 5u, 31u, 36u, 99u, 0x80000000u, 0xffffffffu}) {
        expect_error(with_tensor(gguf_tensor("t", {32}, type, 0), 64), "which is not supported");
    }
    expect_error(with_tensor(gguf_tensor("t", {33}, kQ8_0, 0), 64), "rows of 33; they must be a multiple of 32");
    expect_error(with_tensor(gguf_tensor("", {1}, kF32, 0), 32), "has 0 bytes");
    expect_error(with_tensor(gguf_tensor(std::string(64, 'n'), {1}, kF32, 0), 32), "has 64 bytes");
    expect_error(with_tensor(gguf_tensor("\xc0\x80", {1}, kF32, 0), 32), "is not UTF-8");
    expect_error(
        gguf_file({}, {gguf_tensor("t", {1}, kF32, 0), gguf_tensor("t", {1}, kF32, 32)}, std::string(64, '\0')),
        "tensor 't' is there twice");
}

TEST(Gguf, RefusesExtents) {
    expect_error(with_tensor(gguf_tensor("t", {9}, kF32, 0), 32), "passes the end of the tensor data of 32 bytes");
    expect_error(with_tensor(gguf_tensor("t", {1}, kF32, 64), 32), "passes the end");
    expect_error(with_tensor(gguf_tensor("t", {1}, kF32, ~std::uint64_t{31}), 32), "passes the end");
    expect_error(with_tensor(gguf_tensor("t", {1}, kF32, 4), 32), "no multiple of the alignment 32");
    expect_error(
        gguf_file({}, {gguf_tensor("a", {16}, kF32, 0), gguf_tensor("b", {1}, kF32, 32)}, std::string(64, '\0')),
        "tensors 'a' and 'b' overlap");
    // Unordered is no fault, nor is what follows the last tensor.
    EXPECT_EQ(error_of(gguf_file({}, {gguf_tensor("b", {1}, kF32, 32), gguf_tensor("a", {8}, kF32, 0)},
                                 std::string(99, '\0'))),
              "read");
}

TEST(Gguf, RefusesAlignments) {
    const auto aligned = [](const std::string& value, std::size_t alignment) {
        return gguf_file({value}, {gguf_tensor("t", {1}, kF32, 0)}, std::string(64, '\0'), alignment);
    };
    EXPECT_EQ(error_of(aligned(u32("general.alignment", 64), 64)), "read");
    for (const std::uint32_t bad : {0u, 3u, 48u, 1u << 30, 0x80000000u}) {
        expect_error(aligned(u32("general.alignment", bad), 32), "'general.alignment' must be a u32, a power of two");
    }
    expect_error(aligned(gguf_value("general.alignment", Type::kString, gguf_text("32")), 32), "general.alignment");
    expect_error(aligned(gguf_value("general.alignment", Type::kU64, gguf_number(std::uint64_t{32})), 32),
                 "general.alignment");
}

TEST(Gguf, ReadsSplitModels) {
    const TempFolder folder;
    const auto part = [](std::uint32_t number, std::uint32_t count, const char* tensor, std::uint32_t version = 0) {
        std::vector<std::string> values = {u32("split.no", number), u32("split.count", count),
                                           u32("split.tensors.count", 2)};
        if (version != 0)
            values.push_back(
                gguf_value("general.architecture", Type::kString, gguf_text("llama" + std::to_string(version))));
        return gguf_file(values, {gguf_tensor(tensor, {1}, kF32, 0)}, std::string(32, '\0'));
    };
    folder.write("m-00001-of-00002.gguf", part(0, 2, "a", 1));
    const auto open = [&] { return read_gguf(folder / "m-00001-of-00002.gguf"); };
    EXPECT_EQ(open().error().kind, ErrorKind::kNotFound);
    folder.write("m-00002-of-00002.gguf", part(1, 2, "b"));
    auto read = open();
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_NE(read->tensors.find("a"), nullptr);
    EXPECT_NE(read->tensors.find("b"), nullptr);

    EXPECT_EQ(read_gguf(folder / "m-00002-of-00002.gguf").error().hint, "name the first part: ...-00001-of-00002.gguf");
    folder.write("m-00002-of-00002.gguf", part(1, 2, "a"));
    EXPECT_NE(open().error().message.find("tensor 'a' is in"), std::string::npos) << open().error().message;
    folder.write("m-00002-of-00002.gguf", part(1, 2, "b", 2));
    EXPECT_NE(open().error().message.find("architecture 'llama2'"), std::string::npos);
    folder.write("m-00002-of-00002.gguf", part(0, 2, "b"));
    EXPECT_NE(open().error().message.find("expected part 2 of 2"), std::string::npos);
    for (const std::uint32_t count : {0u, 65535u}) {
        folder.write("m-00001-of-00002.gguf", part(0, count, "a"));
        EXPECT_NE(open().error().message.find("split.count"), std::string::npos) << count;
    }
    folder.write("other.gguf", part(0, 2, "a"));
    EXPECT_NE(read_gguf(folder / "other.gguf").error().message.find("does not end in '-00001-of-00002.gguf'"),
              std::string::npos);
}

TEST(Gguf, ReadsBackWhatIsWritten) {
    const TempFolder folder;
    GgufFields fields;
    fields.add("text", "zażółć");
    fields.add("count", std::uint32_t{7});
    fields.add("real", 0.5f);
    fields.add("flag", true);
    const std::vector<std::string> texts = {"a", "", "b c"};
    const std::vector<float> numbers = {1.0f, -2.5f};
    const std::vector<std::int32_t> integers = {-1, 3};
    fields.add("texts", std::span(texts));
    fields.add("numbers", std::span(numbers));
    fields.add("integers", std::span(integers));
    auto writer = GgufWriter::create(folder / "a.gguf", fields,
                                     {{"v", {3}, find_block_type("F32")}, {"m", {2, 32}, find_block_type("Q8_0")}});
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    const std::vector<float> vector = {1, 2, 3};
    std::vector<std::byte> blocks(2 * 34, std::byte{5});
    ASSERT_TRUE(writer->write(std::as_bytes(std::span(vector))).ok());
    ASSERT_TRUE(writer->write(blocks).ok());
    ASSERT_TRUE(writer->commit().ok());
    auto read = read_gguf(folder / "a.gguf");
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->metadata.string("text").value(), "zażółć");
    EXPECT_EQ(read->metadata.integer("count", 0, 9).value(), 7);
    EXPECT_EQ(read->metadata.numbers("numbers").value(), (std::vector<double>{1, -2.5}));
    EXPECT_EQ(read->metadata.integers("integers").value(), (std::vector<std::int64_t>{-1, 3}));
    EXPECT_EQ((**read->metadata.strings("texts"))[2], "b c");
    std::vector<float> values(3);
    ASSERT_TRUE(read_as_f32(*read->tensors.find("v"), values).ok());
    EXPECT_EQ(values, vector);
    EXPECT_EQ(read->tensors.find("m")->shape, (Shape{2, 32}));
    EXPECT_TRUE(std::equal(blocks.begin(), blocks.end(), read->tensors.find("m")->bytes.begin()));

    // What one file says of a key another can say again.
    GgufFields again;
    for (const auto& [key, value] : read->metadata.values()) again.add(key, value);
    auto copy = GgufWriter::create(folder / "b.gguf", again, {});
    ASSERT_TRUE(copy.ok() && copy->commit().ok());
    auto second = read_gguf(folder / "b.gguf");
    ASSERT_TRUE(second.ok()) << second.error().message;
    EXPECT_EQ(second->metadata.values().size(), 7u);
    EXPECT_EQ(second->metadata.number("real", 0, 1).value(), 0.5);
    EXPECT_TRUE(second->metadata.boolean("flag").value());
    EXPECT_EQ(second->metadata.integers("integers").value(), (std::vector<std::int64_t>{-1, 3}));
}

TEST(StoredTensor, RowsOfHeadsComeInTheOrderOfTheShape) {
    // Two heads of four rows; GGUF has 0 2 1 3 of each where Hugging Face has 0 1 2 3.
    const std::vector<float> stored = {0, 2, 1, 3, 10, 12, 11, 13};
    TensorView tensor{"q", DType::kBlocks, {8, 1}, std::as_bytes(std::span(stored)), "x"};
    tensor.blocks = find_block_type("F32");
    tensor.heads = 2;
    std::vector<float> values(8);
    ASSERT_TRUE(read_as_f32(tensor, values).ok());
    EXPECT_EQ(values, (std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13}));
    tensor.shape = {8};  // a bias
    std::shared_ptr<const void> memory;
    const TensorView plain = plain_tensor(tensor, memory);
    EXPECT_EQ(plain.dtype, DType::kF32);
    EXPECT_EQ(std::memcmp(plain.bytes.data(), values.data(), 32), 0);
}

TEST(StoredTensor, FindsValuesThatAreNotFinite) {
    std::vector<std::byte> blocks(4 * 34);
    const std::uint16_t infinity = 0x7c00;
    std::memcpy(blocks.data() + 3 * 34, &infinity, 2);
    blocks[3 * 34 + 2 + 5] = std::byte{1};
    TensorView tensor{"w", DType::kBlocks, {2, 64}, blocks, "x.gguf"};
    tensor.blocks = find_block_type("Q8_0");
    const auto checked = check_finite(tensor);
    ASSERT_FALSE(checked.ok());
    // 0 * infinity is NaN.
    EXPECT_EQ(checked.error().message, "x.gguf: tensor 'w' holds NaN at [1, 32]");
}

}  // namespace
}  // namespace dwubit
