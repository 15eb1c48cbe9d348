#include "checkpoint/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "support/safetensors_writer.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

using testing::raw_safetensors_file;
using testing::TempFolder;

std::span<const std::byte> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string error_of(const std::string& file) {
    TensorTable table;
    auto header = parse_safetensors(bytes_of(file), "x.safetensors", table);
    return header.ok() ? "read" : header.error().message;
}

std::string with_length(std::uint64_t length, std::string_view rest) {
    std::string file(8, '\0');
    std::memcpy(file.data(), &length, 8);
    return file + std::string(rest);
}

// One tensor "a" whose members are `members`, followed by `bytes` bytes of data.
std::string one_tensor(std::string_view members, std::size_t bytes) {
    return raw_safetensors_file("{\"a\":{" + std::string(members) + "}}", std::string(bytes, '\0'));
}

TEST(Safetensors, ReadsTensorsOfAnyRankAndMetadata) {
    const std::string header = R"({"__metadata__":{"format":"pt"},
        "empty":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]},
        "matrix":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},
        "scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )";
    const std::string file = raw_safetensors_file(header, std::string(16, '\1'));
    TensorTable table;
    auto read = parse_safetensors(bytes_of(file), "x.safetensors", table);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->metadata.at("format"), "pt");
    EXPECT_EQ(table.tensors().size(), 3u);
    EXPECT_EQ(table.total_bytes(), 16u);
    EXPECT_EQ(table.find("scalar")->shape, Shape{});
    EXPECT_EQ(table.find("scalar")->bytes.size(), 4u);
    EXPECT_EQ(table.find("empty")->bytes.size(), 0u);
    const TensorView* matrix = table.find("matrix");
    EXPECT_EQ(matrix->shape, (Shape{2, 3}));
    EXPECT_EQ(matrix->dtype, DType::kBf16);
    EXPECT_EQ(matrix->bytes.data(), bytes_of(file).data() + 8 + header.size() + 4);
    EXPECT_EQ(matrix->file, "x.safetensors");
}

TEST(Safetensors, AFileWithoutTensorsIsLegal) {
    EXPECT_EQ(error_of(raw_safetensors_file("{}", "")), "read");
    EXPECT_EQ(error_of(raw_safetensors_file("{\"__metadata__\":null}", "")), "read");
}

TEST(Safetensors, RefusesBadHeaderLengths) {
    EXPECT_EQ(error_of(""), "x.safetensors: 0 bytes are too few for a safetensors file");
    EXPECT_EQ(error_of("1234567"), "x.safetensors: 7 bytes are too few for a safetensors file");
    EXPECT_EQ(error_of(with_length(0, "{}")), "x.safetensors: the header of 0 bytes does not start with '{'");
    EXPECT_EQ(error_of(with_length(3, "{}")), "x.safetensors: header length 3 passes the end of the file of 10 bytes");
    EXPECT_EQ(error_of(with_length(100'000'001, "{}")),
              "x.safetensors: header length 100000001 is over the limit of 100000000 bytes");
    EXPECT_EQ(error_of(with_length(std::uint64_t{1} << 63, "{}")),
              "x.safetensors: header length 9223372036854775808 is over the limit of 100000000 bytes");
    EXPECT_EQ(error_of(with_length(~std::uint64_t{0}, "{}")),
              "x.safetensors: header length 18446744073709551615 is over the limit of 100000000 bytes");
    EXPECT_EQ(error_of(raw_safetensors_file(" {}", "")),
              "x.safetensors: the header of 3 bytes does not start with '{'");
    EXPECT_EQ(error_of("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
              "x.safetensors: this is a Git LFS pointer, not the weights");
}

TEST(Safetensors, RefusesBadHeaderJson) {
    struct Case {
        std::string header;
        std::string expected;
    };
    std::string nested = "{\"a\":";
    for (int i = 0; i < 100000; ++i) nested += '[';
    const Case cases[] = {
        {"{\"a\":1", "x.safetensors: line 1, column 6: syntax error"},
        {"{} x", "line 1, column 4: syntax error"},
        {"{\"\xff\":1}", "ill-formed UTF-8"},
        {nested, "x.safetensors: line 1, column 13: nested deeper than 8 levels"},
        {R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
         "duplicate key 'a'"},
        {R"({"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})", "duplicate key 'dtype'"},
        {R"({"__metadata__":{"a":1}})", "x.safetensors: '__metadata__' member 'a' must be a string, got number"},
        {R"({"__metadata__":[]})", "x.safetensors: '__metadata__' must be an object of strings"},
        {R"({"a":[1]})", "x.safetensors: tensor 'a': expected an object, got array"},
    };
    for (const Case& c : cases) {
        const std::string error = error_of(raw_safetensors_file(c.header, ""));
        EXPECT_NE(error.find(c.expected), std::string::npos) << error;
    }
}

TEST(Safetensors, RefusesBadTensors) {
    struct Case {
        std::string members;
        std::size_t bytes;
        std::string expected;
    };
    const Case cases[] = {
        {R"("shape":[1],"data_offsets":[0,4])", 4, "'dtype' must be a string, but it is missing"},
        {R"("dtype":7,"shape":[1],"data_offsets":[0,4])", 4, "'dtype' must be a string, got 7"},
        {R"("dtype":"F4","shape":[8],"data_offsets":[0,4])", 4, "dtype 'F4' is not supported"},
        {R"("dtype":"F6_E2M3","shape":[8],"data_offsets":[0,6])", 6, "dtype 'F6_E2M3' is not supported"},
        {R"("dtype":"f32","shape":[1],"data_offsets":[0,4])", 4, "dtype 'f32' is not supported"},
        {R"("dtype":"F32","data_offsets":[0,4])", 4, "'shape' must be an array, but it is missing"},
        {R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])", 4,
         "'shape' must be an array of integers from 0 to 2^63-1, got [-1]"},
        {R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])", 4, "got [1.0]"},
        {R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4])", 4, "got [9223372036854775808]"},
        {R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4])", 4,
         "shape [4294967296, 4294967296] has more elements than 64 bits count"},
        {R"("dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,8])", 8, "more elements than 64 bits count"},
        {R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", 4,
         "F32 of shape [2] takes 8 bytes, but data_offsets [0, 4] span 4"},
        {R"("dtype":"F32","shape":[1])", 4, "'data_offsets' must be an array, but it is missing"},
        {R"("dtype":"F32","shape":[1],"data_offsets":[4])", 4, "'data_offsets' must be two integers"},
        {R"("dtype":"F32","shape":[1],"data_offsets":[0,1e1])", 4, "'data_offsets' must be two integers"},
        {R"("dtype":"F32","shape":[1],"data_offsets":[-4,0])", 4, "'data_offsets' must be two integers"},
        {R"("dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615])", 4,
         "'data_offsets' must be two integers"},
        {R"("dtype":"F32","shape":[1],"data_offsets":[4,0])", 4, "[begin, end] with begin <= end <= 4, got [4,0]"},
        {R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", 4, "[begin, end] with begin <= end <= 4, got [0,8]"},
    };
    for (const Case& c : cases) {
        const std::string error = error_of(one_tensor(c.members, c.bytes));
        EXPECT_TRUE(error.starts_with("x.safetensors: tensor 'a': ")) << error;
        EXPECT_NE(error.find(c.expected), std::string::npos) << error;
    }
}

TEST(Safetensors, RefusesOverlapHolesAndTails) {
    const auto two = [](const char* a, const char* b, std::size_t bytes) {
        return raw_safetensors_file(std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + a +
                                        R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}",
                                    std::string(bytes, '\0'));
    };
    EXPECT_EQ(error_of(two("[0,4]", "[4,8]", 8)), "read");
    EXPECT_EQ(error_of(two("[4,8]", "[0,4]", 8)), "read");
    EXPECT_EQ(error_of(two("[0,4]", "[2,6]", 6)),
              "x.safetensors: tensor 'b' begins at data byte 2, but a ends at 4: they overlap");
    EXPECT_EQ(error_of(two("[0,4]", "[0,4]", 4)),
              "x.safetensors: tensor 'b' begins at data byte 0, but a ends at 4: they overlap");
    EXPECT_EQ(error_of(two("[0,4]", "[5,9]", 9)),
              "x.safetensors: tensor 'b' begins at data byte 5, but a ends at 4: a hole");
    EXPECT_EQ(error_of(two("[1,5]", "[5,9]", 9)),
              "x.safetensors: tensor 'a' begins at data byte 1, but the header ends at 0: a hole");
    EXPECT_EQ(error_of(two("[0,4]", "[4,8]", 9)), "x.safetensors: 1 bytes after the last tensor belong to none");
}

TEST(Safetensors, LongNamesAndShapesDoNotFloodMessages) {
    std::string shape = "[1";
    for (int i = 0; i < 10000; ++i) shape += ",1";
    const std::string name(100000, 'n');
    const std::string file = raw_safetensors_file(
        "{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":" + shape + "],\"data_offsets\":[0,8]}}", std::string(8, '\0'));
    EXPECT_LT(error_of(file).size(), 500u);
}

TEST(Safetensors, ReadsAndTruncatesFiles) {
    const TempFolder folder;
    const float values[] = {1.0f, 2.0f};
    const testing::TestTensor tensor = testing::make_tensor("w", DType::kF32, {2}, values);
    const std::string file = testing::safetensors_file({&tensor, 1});
    TensorTable table;
    ASSERT_TRUE(read_safetensors(folder.write("a.safetensors", file), table).ok());
    EXPECT_EQ(table.find("w")->bytes.size(), 8u);
    EXPECT_EQ(table.find("w")->file, "a.safetensors");

    for (std::size_t size = 0; size < file.size(); ++size) {
        TensorTable none;
        auto read = read_safetensors(folder.write("cut.safetensors", file.substr(0, size)), none);
        ASSERT_FALSE(read.ok()) << size;
        EXPECT_TRUE(read.error().message.starts_with("cut.safetensors: ")) << read.error().message;
        ASSERT_EQ(read.error().context.size(), 1u);
    }
    EXPECT_EQ(read_safetensors(folder / "none.safetensors", table).error().kind, ErrorKind::kNotFound);
    EXPECT_FALSE(read_safetensors(folder.path(), table).ok());
}

TEST(TensorTable, FindsAndExplains) {
    TensorTable table;
    ASSERT_TRUE(table.add({"model.norm.weight", DType::kF32, {4}, {}, "a.safetensors"}).ok());
    EXPECT_TRUE(table.require("model.norm.weight").ok());
    const Error missing = table.require("model.nrom.weight").error();
    EXPECT_EQ(missing.kind, ErrorKind::kNotFound);
    EXPECT_EQ(missing.message, "tensor 'model.nrom.weight' is not in the checkpoint");
    EXPECT_EQ(missing.hint, "nearest name: model.norm.weight");
    EXPECT_EQ(table.require("model.norm.weight", {5}).error().message,
              "a.safetensors: tensor 'model.norm.weight' has shape [4], expected [5]");
    EXPECT_EQ(table.add({"model.norm.weight", DType::kF32, {4}, {}, "b.safetensors"}).error().message,
              "tensor 'model.norm.weight' is in a.safetensors and again in b.safetensors");
}

}  // namespace
}  // namespace dwubit
