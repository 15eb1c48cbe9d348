#include "checkpoint/model_folder.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_writer.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

const std::string kA(6, 'a');
const std::string kB(8, 'b');

TensorToWrite tensor(const char* name, DType dtype, Shape shape, const std::string& bytes) {
    return {name, dtype, std::move(shape), std::as_bytes(std::span(bytes.data(), bytes.size()))};
}

std::string hash_of(const fs::path& folder, int threads = 1) {
    const auto directory = open_hf_dir(folder);
    EXPECT_TRUE(directory.ok()) << (directory.ok() ? "" : directory.error().message);
    if (!directory.ok()) return {};
    ThreadPool pool(threads);
    return model_sha256(*directory, pool).value();
}

TEST(ModelFolder, NamesShards) {
    EXPECT_EQ(shard_name(1, 1), "model-00001-of-00001.safetensors");
    EXPECT_EQ(shard_name(12, 345), "model-00012-of-00345.safetensors");
}

TEST(ModelFolder, HashDoesNotDependOnShardsAlignmentOrThreads) {
    const TempFolder folder;
    const auto a = tensor("a", DType::kBf16, {3}, kA);
    const auto b = tensor("b", DType::kF32, {1, 2}, kB);
    for (const char* name : {"one", "two"}) folder.write(std::string(name) + "/config.json", R"({"x": 1})");
    ASSERT_TRUE(write_safetensors(folder / "one/model.safetensors", std::vector{a, b}).ok());
    const auto first = write_safetensors(folder / ("two/" + shard_name(1, 2)), std::vector{b});
    const auto second =
        write_safetensors(folder / ("two/" + shard_name(2, 2)), std::vector{a, tensor("c", DType::kU8, {0}, "")});
    ASSERT_TRUE(first.ok() && second.ok());
    std::map<std::string, std::string> weight_map = {
        {"b", shard_name(1, 2)}, {"a", shard_name(2, 2)}, {"c", shard_name(2, 2)}};
    for (const std::string& name : second->padding) weight_map[name] = shard_name(2, 2);
    EXPECT_EQ(second->padding.size(), 1u);
    ASSERT_TRUE(write_shard_index(folder / "two", weight_map, 14).ok());

    // By hand: the value of config.json, then one line per tensor.
    const std::string lines = "{\"x\":1}\n[\"a\",\"BF16\",[3],\"" + sha256_hex(kA) + "\"]\n[\"b\",\"F32\",[1,2],\"" +
                              sha256_hex(kB) + "\"]\n";
    EXPECT_EQ(hash_of(folder / "one"), sha256_hex(lines));
    EXPECT_EQ(hash_of(folder / "one", 3), sha256_hex(lines));
    EXPECT_EQ(hash_of(folder / "two"), sha256_hex(lines + "[\"c\",\"U8\",[0],\"" + sha256_hex("") + "\"]\n"));
    folder.write("one/config.json", R"({"x": 2})");
    EXPECT_NE(hash_of(folder / "one"), sha256_hex(lines));
    const Json index = read_json_file(folder / "two/model.safetensors.index.json").value();
    EXPECT_EQ(index["metadata"]["total_size"], 14);
}

TEST(ModelFolder, CopiesWhatBelongsToTheModel) {
    const TempFolder folder;
    const char* copied[] = {"LICENSE",
                            "LICENSE.txt",
                            "added_tokens.json",
                            "chat_template.jinja",
                            "chat_template.json",
                            "generation_config.json",
                            "merges.txt",
                            "special_tokens_map.json",
                            "tokenizer.json",
                            "tokenizer.model",
                            "tokenizer_config.json",
                            "vocab.json"};
    for (const char* name : copied) folder.write(std::string("blobs/") + name, name);
    fs::create_directories(folder / "from");
    for (const char* name : copied)
        fs::create_symlink(folder / (std::string("blobs/") + name), folder / (std::string("from/") + name));
    for (const char* name : {"config.json", "README.md", "model.safetensors", "notes.txt", "tokenizer.py"}) {
        folder.write(std::string("from/") + name, name);
    }
    fs::create_directories(folder / "from/tokenizer.d.json");
    fs::create_directories(folder / "to");
    HfDir from;
    from.path = folder / "from";
    const auto names = copy_side_files(from, folder / "to");
    ASSERT_TRUE(names.ok()) << names.error().message;
    EXPECT_EQ(*names, std::vector<std::string>(std::begin(copied), std::end(copied)));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder / "to"), fs::directory_iterator{}), std::ssize(copied));
    for (const char* name : copied) {
        const fs::path path = folder / (std::string("to/") + name);
        EXPECT_FALSE(fs::is_symlink(path));
        EXPECT_EQ(read_file(path).value(), name);
    }
    from.path = folder / "none";
    EXPECT_FALSE(copy_side_files(from, folder / "to").ok());
}

}  // namespace
}  // namespace dwubit
