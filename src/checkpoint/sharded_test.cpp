#include <gtest/gtest.h>

#include <string>

#include "checkpoint/safetensors.h"
#include "json/json.h"
#include "support/safetensors_writer.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

using testing::TempFolder;

std::string file_with(std::initializer_list<const char*> names) {
    const float values[] = {1.0f, 2.0f};
    std::vector<testing::TestTensor> tensors;
    for (const char* name : names) tensors.push_back(testing::make_tensor(name, DType::kF32, {2}, values));
    return testing::safetensors_file(tensors);
}

std::string index_of(const Json& weight_map) {
    return dump_json(Json{{"weight_map", weight_map}});
}

class ShardedTest : public ::testing::Test {
protected:
    void SetUp() override {
        folder_.write("one.safetensors", file_with({"a", "b"}));
        folder_.write("two.safetensors", file_with({"c"}));
    }

    std::string error_of(const std::string& index) {
        auto table = read_sharded_safetensors(folder_.write("model.safetensors.index.json", index));
        return table.ok() ? "read" : table.error().message;
    }
    std::string error_of_shard(const std::string& shard) {
        return error_of(index_of({{"a", shard}, {"b", "one.safetensors"}, {"c", "two.safetensors"}}));
    }

    TempFolder folder_;
};

TEST_F(ShardedTest, ReadsAllShards) {
    const Json weight_map = {{"a", "one.safetensors"}, {"b", "one.safetensors"}, {"c", "two.safetensors"}};
    auto table = read_sharded_safetensors(folder_.write("i.json", index_of(weight_map)));
    ASSERT_TRUE(table.ok()) << table.error().message;
    EXPECT_EQ(table->tensors().size(), 3u);
    EXPECT_EQ(table->find("c")->file, "two.safetensors");
    std::vector<float> values(2);
    ASSERT_TRUE(read_as_f32(*table->find("c"), values).ok());
    EXPECT_EQ(values[1], 2.0f);
}

TEST_F(ShardedTest, RefusesNamesThatAreNotPlain) {
    const std::string outside = (folder_ / "one.safetensors").string();
    for (const std::string& name : {std::string("../one.safetensors"), outside, std::string("C:one.safetensors"),
                                    std::string("sub\\one.safetensors"), std::string("./one.safetensors"),
                                    std::string("one.safetensors\0.txt", 20), std::string(), std::string("..")}) {
        const std::string error = error_of_shard(name);
        EXPECT_TRUE(
            error.starts_with("model.safetensors.index.json: weight_map of tensor 'a' must be the plain name of "
                              "a file in the same folder, got \""))
            << error;
    }
    EXPECT_NE(error_of(R"({"weight_map":{"a":3}})").find("plain name of a file in the same folder, got 3"),
              std::string::npos);
}

TEST_F(ShardedTest, RefusesLinksThatLeaveTheFolder) {
    const TempFolder other;
    other.write("secret.safetensors", file_with({"a"}));
    fs::create_symlink(other / "secret.safetensors", folder_ / "link.safetensors");
    const std::string error = error_of_shard("link.safetensors");
    EXPECT_TRUE(error.starts_with(
        "model.safetensors.index.json: shard 'link.safetensors' is a link that leaves the folder, to "))
        << error;
    fs::create_symlink("one.safetensors", folder_ / "inside.safetensors");
    EXPECT_EQ(error_of(index_of({{"a", "inside.safetensors"}, {"b", "inside.safetensors"}})), "read");
}

TEST_F(ShardedTest, FollowsLinksOfTheHuggingFaceCache) {
    folder_.write("models--x/blobs/0a1b", file_with({"a"}));
    const fs::path index = folder_.write("models--x/snapshots/main/i.json", index_of({{"a", "model-1.safetensors"}}));
    fs::create_symlink("../../blobs/0a1b", index.parent_path() / "model-1.safetensors");
    auto table = read_sharded_safetensors(index);
    ASSERT_TRUE(table.ok()) << table.error().message;
    EXPECT_EQ(table->find("a")->file, "model-1.safetensors");
}

TEST_F(ShardedTest, RefusesIndexesAndShardsThatDisagree) {
    EXPECT_TRUE(error_of_shard("three.safetensors")
                    .starts_with("model.safetensors.index.json: shard 'three.safetensors' is not in "));
    EXPECT_EQ(error_of(index_of({{"a", "one.safetensors"}, {"c", "two.safetensors"}})),
              "one.safetensors: tensor 'b' is not in the weight_map of model.safetensors.index.json");
    EXPECT_EQ(error_of(index_of({{"a", "two.safetensors"}, {"b", "one.safetensors"}, {"c", "two.safetensors"}})),
              "one.safetensors: tensor 'a' lies here, but model.safetensors.index.json puts it into two.safetensors");
    EXPECT_EQ(error_of(index_of({{"a", "one.safetensors"}, {"b", "one.safetensors"}, {"d", "one.safetensors"}})),
              "model.safetensors.index.json: tensor 'd' is not in one.safetensors, where the index puts it");
    folder_.write("two.safetensors", file_with({"a", "c"}));
    EXPECT_EQ(error_of_shard("one.safetensors"),
              "two.safetensors: tensor 'a' is in one.safetensors and again in two.safetensors");
}

TEST_F(ShardedTest, RefusesBrokenIndexesAndShards) {
    EXPECT_NE(error_of("").find("model.safetensors.index.json: line 1, column 1"), std::string::npos);
    EXPECT_EQ(error_of("[]"), "model.safetensors.index.json: 'weight_map' must be an object, but it is missing");
    EXPECT_EQ(error_of(R"({"weight_map":{}})"), "model.safetensors.index.json: weight_map names no tensor");
    EXPECT_NE(error_of(R"({"weight_map":{"a":"x","a":"y"}})").find("duplicate key 'a'"), std::string::npos);
    folder_.write("one.safetensors", "");
    EXPECT_EQ(error_of_shard("one.safetensors"), "one.safetensors: 0 bytes are too few for a safetensors file");
    fs::remove(folder_ / "one.safetensors");
    fs::create_directory(folder_ / "one.safetensors");
    EXPECT_NE(error_of_shard("one.safetensors").find("is not a regular file"), std::string::npos);
    EXPECT_EQ(read_sharded_safetensors(folder_ / "none.json").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace dwubit
