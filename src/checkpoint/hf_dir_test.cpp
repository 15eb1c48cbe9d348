#include "checkpoint/hf_dir.h"

#include <gtest/gtest.h>

#include <string>

#include "base/log.h"
#include "support/safetensors_writer.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

using testing::TempFolder;

std::string weights(const char* name) {
    const float value = 1.0f;
    const testing::TestTensor tensor = testing::make_tensor(name, DType::kF32, {1}, {&value, 1});
    return testing::safetensors_file({&tensor, 1});
}

std::string error_of(const std::filesystem::path& path) {
    auto dir = open_hf_dir(path);
    return dir.ok() ? "opened" : dir.error().message;
}

TEST(HfDir, ReadsASingleFileAndOptionalConfigs) {
    const TempFolder folder;
    folder.write("config.json", R"({"model_type": "llama"})");
    folder.write("model.safetensors", weights("a"));
    auto plain = open_hf_dir(folder.path());
    ASSERT_TRUE(plain.ok()) << plain.error().message;
    EXPECT_EQ(plain->config["model_type"], "llama");
    EXPECT_FALSE(plain->generation_config.has_value());
    EXPECT_EQ(plain->tokenizer_json, folder / "tokenizer.json");
    EXPECT_NE(plain->tensors.find("a"), nullptr);

    folder.write("generation_config.json", R"({"eos_token_id": 2})");
    folder.write("tokenizer_config.json", "{}");
    auto full = open_hf_dir(folder.path());
    ASSERT_TRUE(full.ok());
    EXPECT_EQ((*full->generation_config)["eos_token_id"], 2);
    EXPECT_TRUE(full->tokenizer_config.has_value());
}

TEST(HfDir, PrefersTheSingleFileAndSaysSo) {
    const TempFolder folder;
    folder.write("config.json", "{}");
    folder.write("shard.safetensors", weights("sharded"));
    folder.write("model.safetensors.index.json", R"({"weight_map": {"sharded": "shard.safetensors"}})");
    auto sharded = open_hf_dir(folder.path());
    ASSERT_TRUE(sharded.ok()) << sharded.error().message;
    EXPECT_NE(sharded->tensors.find("sharded"), nullptr);

    folder.write("model.safetensors", weights("single"));
    std::string logged;
    const LogSink before = set_log_sink([&](LogLevel, std::string_view message) { logged = message; });
    auto both = open_hf_dir(folder.path());
    set_log_sink(before);
    ASSERT_TRUE(both.ok());
    EXPECT_NE(both->tensors.find("single"), nullptr);
    EXPECT_NE(logged.find("reading model.safetensors, as transformers does"), std::string::npos);
}

TEST(HfDir, SaysWhatIsMissingOrBroken) {
    const TempFolder folder;
    const std::string path = folder.path().string();
    EXPECT_EQ(error_of(folder / "none"), "model folder " + path + "/none does not exist");
    EXPECT_EQ(error_of(folder.path()), "model folder " + path + " has no config.json");
    EXPECT_EQ(error_of(folder.write("config.json", "")), path + "/config.json is not a folder");
    EXPECT_TRUE(error_of(folder.path()).starts_with(path + "/config.json: line 1, column 1: syntax error"));
    folder.write("config.json", "[]");
    EXPECT_EQ(error_of(folder.path()), path + "/config.json: expected an object, got array");
    folder.write("config.json", "{}");
    EXPECT_EQ(error_of(folder.path()), path + " has neither model.safetensors nor model.safetensors.index.json");
    folder.write("pytorch_model.bin", "PK");
    auto pickled = open_hf_dir(folder.path());
    EXPECT_EQ(pickled.error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(pickled.error().message,
              path + " has its weights in pytorch_model.bin only, which holds pickled Python objects");
    EXPECT_NE(pickled.error().hint.find("safetensors"), std::string::npos);
    folder.write("model.safetensors", weights("a"));
    folder.write("generation_config.json", "{");
    EXPECT_TRUE(error_of(folder.path()).starts_with(path + "/generation_config.json: line 1"));
}

}  // namespace
}  // namespace dwubit
