#include "checkpoint/safetensors_writer.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "checkpoint/safetensors.h"
#include "json/json.h"
#include "support/file_size_limit.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

using testing::TempFolder;

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(SafetensorsWriter, ReadsBackWithEveryTensorAligned) {
    const TempFolder folder;
    const std::string a(7, 'a');
    const std::string b(64, 'b');
    const std::string c(6, 'c');
    const std::vector<TensorToWrite> tensors = {{"z.first", DType::kU8, {7}, bytes_of(a)},
                                                {"b", DType::kF32, {4, 4}, bytes_of(b)},
                                                {"empty", DType::kF32, {0, 3}, {}},
                                                {"a.last", DType::kBf16, {3, 1}, bytes_of(c)}};
    const auto written = write_safetensors(folder / "x.safetensors", tensors, {{"format", "pt"}, {"n", "3"}});
    ASSERT_TRUE(written.ok()) << written.error().message;

    const std::string file = read_file(folder / "x.safetensors").value();
    EXPECT_EQ(written->bytes, file.size());
    EXPECT_EQ(written->sha256, sha256_hex(file));
    EXPECT_EQ(written->padding, std::vector<std::string>{"dwubit.padding.b"});
    TensorTable table;
    const auto header = parse_safetensors(bytes_of(file), "x", table);
    ASSERT_TRUE(header.ok()) << header.error().message;
    EXPECT_EQ(header->metadata.at("n"), "3");
    for (const TensorToWrite& tensor : tensors) {
        const TensorView* view = table.find(tensor.name);
        ASSERT_NE(view, nullptr) << tensor.name;
        EXPECT_EQ(view->dtype, tensor.dtype);
        EXPECT_EQ(view->shape, tensor.shape);
        EXPECT_TRUE(std::equal(view->bytes.begin(), view->bytes.end(), tensor.bytes.begin(), tensor.bytes.end()));
        EXPECT_EQ((view->bytes.data() - bytes_of(file).data()) % 64, 0) << tensor.name;
    }
    const std::size_t header_bytes = file.find("aaaaaaa");
    const Json json = parse_json(std::string_view(file).substr(8, header_bytes - 8)).value();
    EXPECT_EQ(json["dwubit.padding.b"], (Json{{"dtype", "U8"}, {"shape", {57}}, {"data_offsets", {7, 64}}}));
    EXPECT_EQ(file.substr(header_bytes + 7, 57), std::string(57, '\0'));
}

TEST(SafetensorsWriter, SameInputSameBytesAndNoTensorIsAFileToo) {
    const TempFolder folder;
    const std::string a(7, 'a');
    const std::vector<TensorToWrite> tensors = {{"b", DType::kU8, {7}, bytes_of(a)},
                                                {"a", DType::kU8, {7}, bytes_of(a)}};
    const auto first = write_safetensors(folder / "sub/1", tensors, {{"k", "v"}});
    const auto second = write_safetensors(folder / "sub/2", tensors, {{"k", "v"}});
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_EQ(read_file(folder / "sub/1").value(), read_file(folder / "sub/2").value());
    ASSERT_TRUE(write_safetensors(folder / "none", {}).ok());
    TensorTable table;
    EXPECT_TRUE(read_safetensors(folder / "none", table).ok());
    EXPECT_TRUE(table.tensors().empty());
}

TEST(SafetensorsWriter, FullDiskIsAnErrorAndLeavesNothing) {
    const TempFolder folder;
    const std::string big(10000, 'x');
    const std::vector<TensorToWrite> tensors = {{"big", DType::kU8, {10000}, bytes_of(big)}};
    const auto result = [&] {
        const testing::FileSizeLimit full(4096);
        return write_safetensors(folder / "big.safetensors", tensors);
    }();
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kIo);
    EXPECT_NE(result.error().message.find("big.safetensors"), std::string::npos);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriterDeathTest, WrongSizesAndNamesAreBugs) {
    const TempFolder folder;
    const std::string a(8, 'a');
    const auto write = [&](const std::vector<TensorToWrite>& tensors) {
        static_cast<void>(write_safetensors(folder / "x", tensors));
    };
    EXPECT_DEATH(write({{"a", DType::kF32, {3}, bytes_of(a)}}), "check failed");
    EXPECT_DEATH(write({{"a", DType::kF32, {2}, bytes_of(a)}, {"a", DType::kF32, {2}, bytes_of(a)}}), "check failed");
    EXPECT_DEATH(write({{"dwubit.padding.a", DType::kF32, {2}, bytes_of(a)}}), "check failed");
}

}  // namespace
}  // namespace dwubit
