#include "checkpoint/quantization_config.h"

#include <gtest/gtest.h>

namespace dwubit {
namespace {

Json module_json(const char* format = "uniform_group") {
    return {{"format", format}, {"format_version", 1}, {"params", {{"bits", 2}}}};
}

Json config_json(Json members) {
    Json quantization = {{"quant_method", "dwubit"}, {"format_version", 1}, {"modules", Json::object()}};
    quantization.update(members);
    return {{"quantization_config", quantization}};
}

Error error_of(const Json& config) {
    const auto read = read_quantization_config(config);
    EXPECT_FALSE(read.ok()) << dump_json(config);
    return read.ok() ? Error() : read.error();
}

QuantizationConfig with_modules(std::initializer_list<const char*> names) {
    QuantizationConfig config;
    for (const char* name : names) config.modules[name].format = name;  // the format tells which entry was found
    return config;
}

std::string found(const QuantizationConfig& config, std::string_view module) {
    const ModuleQuantization* quantization = config.find(module);
    return quantization == nullptr ? "none" : quantization->format;
}

TEST(QuantizationConfig, IsAbsentFromAPlainCheckpoint) {
    EXPECT_FALSE(read_quantization_config(Json::object()).value().has_value());
    EXPECT_FALSE(read_quantization_config({{"quantization_config", nullptr}}).value().has_value());
}

TEST(QuantizationConfig, ReadsWhatItWrites) {
    QuantizationConfig config = with_modules({"model.layers.0.mlp.up_proj", "model.layers.*.mlp.down_proj"});
    ModuleQuantization& module = config.modules.begin()->second;
    module.format_version = 3;
    module.params = {{"bits", 2}, {"group", 128}};
    module.in = {"rht", {{"seed", 7}}};
    config.fused["model.layers.0.self_attn.qkv_proj"] = {"q_proj", "k_proj", "v_proj"};
    config.unquantized = {"lm_head"};
    const Json json = to_json(config);
    const auto read = read_quantization_config({{"quantization_config", json}});
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(to_json(**read), json);
    EXPECT_EQ((*read)->find("model.layers.0.mlp.down_proj")->format_version, 3);
    EXPECT_EQ((*read)->find("model.layers.0.mlp.down_proj")->in.transform, "rht");
    EXPECT_EQ((*read)->find("model.layers.0.mlp.down_proj")->out.transform, "none");
}

TEST(QuantizationConfig, ExactNameWinsThenTheLongestPattern) {
    const QuantizationConfig config = with_modules({"*", "model.*", "model.layers.*.q_proj", "model.layers.1.q_proj"});
    EXPECT_EQ(found(config, "model.layers.1.q_proj"), "model.layers.1.q_proj");
    EXPECT_EQ(found(config, "model.layers.12.q_proj"), "model.layers.*.q_proj");
    EXPECT_EQ(found(config, "model.layers.12.k_proj"), "model.*");
    EXPECT_EQ(found(config, "lm_head"), "*");
}

TEST(QuantizationConfig, StarStandsForAnyText) {
    EXPECT_EQ(found(with_modules({"a*b*c"}), "a.b.b.c"), "a*b*c");
    EXPECT_EQ(found(with_modules({"a*b*c"}), "abc"), "a*b*c");
    EXPECT_EQ(found(with_modules({"a*b*c"}), "abcd"), "none");
    EXPECT_EQ(found(with_modules({"a*b*c"}), "ac"), "none");
    EXPECT_EQ(found(with_modules({"a**"}), "a"), "a**");
    EXPECT_EQ(found(with_modules({"*proj"}), "q_project"), "none");
    EXPECT_EQ(found(with_modules({"a.b"}), "axb"), "none");
}

TEST(QuantizationConfig, UnquantizedIsStrongerThanPatterns) {
    QuantizationConfig config = with_modules({"model.*"});
    config.unquantized = {"model.layers.0.q_proj"};
    EXPECT_EQ(found(config, "model.layers.0.q_proj"), "none");
    EXPECT_EQ(found(config, "model.layers.1.q_proj"), "model.*");
}

TEST(QuantizationConfig, OtherMethodsAreRefusedByName) {
    const Error error = error_of(config_json({{"quant_method", "awq"}}));
    EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
    EXPECT_NE(error.message.find("\"awq\""), std::string::npos);
    EXPECT_EQ(error_of({{"quantization_config", Json::object()}}).kind, ErrorKind::kUnsupported);
    EXPECT_EQ(error_of({{"quantization_config", 3}}).kind, ErrorKind::kInvalidInput);
}

TEST(QuantizationConfig, MalformedMembersAreNamed) {
    const struct {
        Json members;
        const char* expected;
        ErrorKind kind = ErrorKind::kInvalidInput;
    } cases[] = {
        {{{"format_version", 2}}, "format_version 2 is newer", ErrorKind::kUnsupported},
        {{{"format_version", 0}}, "'format_version' must be an integer from 1"},
        {{{"modules", nullptr}}, "'modules' must be an object, but it is missing"},
        {{{"modules", {{"m", 3}}}}, "module 'm' must be an object"},
        {{{"modules", {{"m", Json::object()}}}}, "module 'm': 'format' must be a string, but it is missing"},
        {{{"modules", {{"m", {{"format", "f"}}}}}}, "module 'm': 'format_version' must be an integer"},
        {{{"modules", {{"m", {{"format", "f"}, {"format_version", 1}, {"params", 1}}}}}}, "module 'm': 'params'"},
        {{{"modules", {{"m", {{"format", "f"}, {"format_version", 1}, {"in", {{"params", {}}}}}}}}},
         "module 'm'.in: 'transform' must be a string"},
        {{{"modules", {{"m", {{"format", "f"}, {"format_version", 1}, {"scale", 1}}}}}},
         "module 'm': member 'scale' is not known",
         ErrorKind::kUnsupported},
        {{{"fused", {{"qkv", "q"}}}}, "fused 'qkv' must be an array"},
        {{{"unquantized", "lm_head"}}, "'unquantized' must be an array"},
        {{{"unquantized", {1}}}, "'unquantized' must hold names only"},
        {{{"modules", {{"m", module_json()}}}, {"unquantized", {"m"}}}, "'m' is in 'modules' and in 'unquantized'"},
    };
    for (const auto& c : cases) {
        const Error error = error_of(config_json(c.members));
        EXPECT_NE(error.message.find(c.expected), std::string::npos) << error.message;
        EXPECT_EQ(error.kind, c.kind) << error.message;
        EXPECT_EQ(error.message.find("config.json: quantization_config"), 0u) << error.message;
    }
}

TEST(QuantizationConfig, PatternsAreFew) {
    Json modules = Json::object();
    for (int i = 0; i < 257; ++i) modules["*" + std::to_string(i)] = module_json();
    EXPECT_NE(error_of(config_json({{"modules", modules}})).message.find("more than 256 patterns"), std::string::npos);
}

}  // namespace
}  // namespace dwubit
