#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/log.h"
#include "checkpoint/hf_dir.h"
#include "runtime/model/config.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"

namespace dwubit {
namespace {

using testing::read_tiny_golden;
using testing::TempFolder;
using testing::tiny_model_names;
using testing::TinyGolden;
using testing::write_tiny_model;

ModelConfig config_of(const TinyGolden& golden) {
    auto config = read_model_config(golden.config, nullptr);
    EXPECT_TRUE(config.ok()) << config.error().message;
    return *config;
}

// The table of `golden`, without data.
std::map<std::string, TensorView> views_of(const TinyGolden& golden) {
    std::map<std::string, TensorView> views;
    for (const auto& tensor : golden.tensors) {
        views[tensor.name] = {tensor.name, DType::kBf16, tensor.shape, {}, "model.safetensors"};
    }
    return views;
}

Result<void> check(const ModelConfig& config, const std::map<std::string, TensorView>& views) {
    TensorTable table;
    for (const auto& entry : views) EXPECT_TRUE(table.add(entry.second).ok());
    return check_tensors(config, table);
}

TEST(ExpectedTensors, AreThoseThatTransformersSaves) {
    for (const std::string& name : tiny_model_names()) {
        auto golden = read_tiny_golden(name);
        ASSERT_TRUE(golden.ok()) << golden.error().message;
        std::map<std::string, Shape> saved;
        for (const auto& tensor : golden->tensors) saved[tensor.name] = tensor.shape;
        std::map<std::string, Shape> expected;
        for (const auto& tensor : expected_tensors(config_of(*golden))) expected[tensor.name] = tensor.shape;
        EXPECT_EQ(expected, saved) << name;
    }
}

TEST(ExpectedTensors, ComeInFileOrder) {
    const auto tensors = expected_tensors(config_of(*read_tiny_golden("mistral")));
    EXPECT_EQ(tensors.front().name, "model.embed_tokens.weight");
    EXPECT_EQ(tensors[1].name, "model.layers.0.input_layernorm.weight");
    EXPECT_EQ(tensors[tensors.size() - 2].name, "model.norm.weight");
    EXPECT_EQ(tensors.back().name, "lm_head.weight");
}

TEST(TensorNames, HeadOfATiedModelIsItsEmbedding) {
    EXPECT_EQ(global_tensor_names(config_of(*read_tiny_golden("qwen2"))).head, "model.embed_tokens");
    EXPECT_EQ(global_tensor_names(config_of(*read_tiny_golden("qwen3"))).head, "lm_head");
    EXPECT_EQ(layer_tensor_names(config_of(*read_tiny_golden("qwen3")), 1).q_norm, "model.layers.1.self_attn.q_norm");
}

TEST(CheckTensors, AcceptsTinyModelsInEveryLayout) {
    for (const std::string& name : tiny_model_names()) {
        for (const bool sharded : {false, true}) {
            const TempFolder folder;
            auto path = write_tiny_model(name, folder / "model", {DType::kF16, sharded});
            ASSERT_TRUE(path.ok()) << path.error().message;
            auto dir = open_hf_dir(*path);
            ASSERT_TRUE(dir.ok()) << dir.error().message;
            auto config = read_model_config(dir->config, nullptr);
            ASSERT_TRUE(config.ok()) << config.error().message;
            EXPECT_TRUE(check_tensors(*config, dir->tensors).ok());
        }
    }
}

TEST(CheckTensors, NamesTensorAndShapes) {
    const TinyGolden golden = *read_tiny_golden("mistral");
    const ModelConfig config = config_of(golden);
    auto views = views_of(golden);
    EXPECT_TRUE(check(config, views).ok());

    auto missing = views;
    missing.erase("model.layers.1.self_attn.k_proj.weight");
    EXPECT_EQ(check(config, missing).error().message,
              "tensor 'model.layers.1.self_attn.k_proj.weight' is not in the checkpoint");
    auto rows = views;
    rows["model.embed_tokens.weight"].shape = {95, 48};
    EXPECT_EQ(check(config, rows).error().message,
              "model.safetensors: tensor 'model.embed_tokens.weight' has shape [95, 48], expected [96, 48]");
    auto integer = views;
    integer["model.norm.weight"].dtype = DType::kI8;
    EXPECT_EQ(check(config, integer).error().message,
              "model.safetensors: tensor 'model.norm.weight' is I8; weights must be F32, F16 or BF16");
}

TEST(CheckTensors, WarnsOfSurplusUnlessItIsHarmless) {
    const TinyGolden golden = *read_tiny_golden("qwen2");
    const ModelConfig config = config_of(golden);
    auto views = views_of(golden);
    std::string logged;
    const LogSink before = set_log_sink([&](LogLevel, std::string_view message) { logged = message; });
    views["lm_head.weight"] = {"lm_head.weight", DType::kBf16, {96, 48}, {}, "x"};
    views["model.layers.0.self_attn.rotary_emb.inv_freq"] = {
        "model.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {6}, {}, "x"};
    EXPECT_TRUE(check(config, views).ok());
    EXPECT_EQ(logged, "");
    views["model.vision.weight"] = {"model.vision.weight", DType::kI8, {6}, {}, "x"};
    EXPECT_TRUE(check(config, views).ok());
    EXPECT_EQ(logged,
              "the checkpoint has 1 tensor that a qwen2 model does not use, such as 'model.vision.weight'; ignored");
    set_log_sink(before);
}

}  // namespace
}  // namespace dwubit
