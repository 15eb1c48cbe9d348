#include "runtime/model/config.h"

#include <gtest/gtest.h>

#include <string>

#include "json/json.h"
#include "support/tiny_model.h"

namespace dwubit {
namespace {

// A config.json with only what every family needs, then the members of `more`; a member that is "-" is taken out.
Json config_of(const std::string& model_type, const std::string& architecture, const Json& more = Json::object()) {
    Json config = {{"architectures", {architecture}}, {"model_type", model_type}, {"hidden_size", 64},
                   {"intermediate_size", 80},         {"num_hidden_layers", 4},   {"num_attention_heads", 8},
                   {"num_key_value_heads", 2},        {"vocab_size", 96},         {"max_position_embeddings", 1024}};
    for (const auto& [key, value] : more.items()) {
        if (value == "-") {
            config.erase(key);
        } else {
            config[key] = value;
        }
    }
    return config;
}

Json llama(const Json& more = Json::object()) {
    return config_of("llama", "LlamaForCausalLM", more);
}
Json mistral(const Json& more = Json::object()) {
    return config_of("mistral", "MistralForCausalLM", more);
}
Json qwen2(const Json& more = Json::object()) {
    return config_of("qwen2", "Qwen2ForCausalLM", more);
}
Json qwen3(const Json& more = Json::object()) {
    return config_of("qwen3", "Qwen3ForCausalLM", more);
}

ModelConfig read(const Json& config) {
    auto model = read_model_config(config, nullptr);
    EXPECT_TRUE(model.ok()) << model.error().message;
    return model.ok() ? *model : ModelConfig();
}

std::string error_of(const Json& config) {
    auto model = read_model_config(config, nullptr);
    return model.ok() ? "read" : model.error().message;
}

TEST(ModelConfig, ReadsOrlik) {
    const std::string folder = std::string(DWUBIT_SOURCE_DIR) + "/models/orlik/";
    auto config = read_json_file(folder + "config.json");
    auto generation = read_json_file(folder + "generation_config.json");
    ASSERT_TRUE(config.ok() && generation.ok());
    auto model = read_model_config(*config, &*generation);
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(model->family, "mistral");
    EXPECT_EQ(model->hidden, 512);
    EXPECT_EQ(model->intermediate, 1792);
    EXPECT_EQ(model->layers, 6);
    EXPECT_EQ(model->heads, 8);
    EXPECT_EQ(model->kv_heads, 2);
    EXPECT_EQ(model->head_dim, 64);
    EXPECT_EQ(model->vocab, 4096);
    EXPECT_EQ(model->max_positions, 2048);
    EXPECT_EQ(model->rms_norm_eps, 1e-5);
    EXPECT_EQ(model->rope.theta, 1e6);
    EXPECT_EQ(model->rope.scaling, RopeScaling::kNone);
    EXPECT_FALSE(model->tied_embeddings || model->qkv_bias || model->o_bias || model->mlp_bias || model->qk_norm);
    EXPECT_FALSE(model->full_attention_limit.has_value());
    EXPECT_EQ(model->eos_ids, (std::vector<std::int32_t>{2, 4}));
    EXPECT_EQ(model->bos_id, 1);
}

TEST(ModelConfig, DefaultsAreThoseOfTheFamily) {
    const Json bare = {{"num_key_value_heads", "-"}, {"max_position_embeddings", "-"}};
    const ModelConfig l = read(llama(bare));
    EXPECT_EQ(l.kv_heads, 8);
    EXPECT_EQ(l.head_dim, 8);
    EXPECT_EQ(l.max_positions, 2048);
    EXPECT_EQ(l.rms_norm_eps, 1e-6);
    EXPECT_EQ(l.rope.theta, 10000.0);
    EXPECT_FALSE(l.qkv_bias || l.o_bias || l.mlp_bias || l.qk_norm || l.tied_embeddings);
    EXPECT_FALSE(l.full_attention_limit || l.bos_id || !l.eos_ids.empty());

    const ModelConfig m = read(mistral(bare));
    EXPECT_EQ(m.kv_heads, 8);
    EXPECT_EQ(m.max_positions, 131072);
    EXPECT_EQ(m.full_attention_limit, 4096);
    EXPECT_EQ(read(mistral({{"num_key_value_heads", nullptr}})).kv_heads, 8);

    const ModelConfig q2 = read(qwen2());
    EXPECT_TRUE(q2.qkv_bias);
    EXPECT_FALSE(q2.o_bias || q2.qk_norm || q2.full_attention_limit);
    EXPECT_EQ(q2.head_dim, 8);

    const ModelConfig q3 = read(qwen3());
    EXPECT_TRUE(q3.qk_norm);
    EXPECT_FALSE(q3.qkv_bias || q3.o_bias);
    EXPECT_EQ(q3.head_dim, 128);
    EXPECT_EQ(error_of(qwen3({{"num_key_value_heads", "-"}})),
              "config.json: 'num_key_value_heads' must divide num_attention_heads 8, got 32");
}

TEST(ModelConfig, ReadsBiasesHeadsAndTies) {
    const ModelConfig l = read(llama({{"attention_bias", true}, {"mlp_bias", true}, {"tie_word_embeddings", true}}));
    EXPECT_TRUE(l.qkv_bias && l.o_bias && l.mlp_bias && l.tied_embeddings);
    EXPECT_EQ(read(mistral({{"head_dim", 16}, {"hidden_size", 60}})).head_dim, 16);
    EXPECT_TRUE(read(qwen3({{"attention_bias", true}})).o_bias);
    EXPECT_EQ(read(llama({{"head_dim", nullptr}})).head_dim, 8);
    EXPECT_EQ(read(llama({{"architectures", "-"}})).architecture, "LlamaForCausalLM");
    EXPECT_EQ(read(llama({{"model_type", "-"}})).family, "llama");
}

TEST(ModelConfig, ReadsRopeOfOldAndNewConfigs) {
    const Json llama3 = {{"factor", 8.0},
                         {"low_freq_factor", 1.0},
                         {"high_freq_factor", 4.0},
                         {"original_max_position_embeddings", 256},
                         {"rope_type", "llama3"}};
    Json with_theta = llama3;
    with_theta["rope_theta"] = 500000.0;
    for (const Json& config :
         {llama({{"rope_theta", 500000.0}, {"rope_scaling", llama3}}), llama({{"rope_parameters", with_theta}}),
          llama({{"rope_theta", 1e4}, {"rope_scaling", with_theta}})}) {
        const RopeConfig rope = read(config).rope;
        EXPECT_EQ(rope.theta, 500000.0);
        EXPECT_EQ(rope.scaling, RopeScaling::kLlama3);
        EXPECT_EQ(rope.factor, 8.0);
        EXPECT_EQ(rope.low_freq_factor, 1.0);
        EXPECT_EQ(rope.high_freq_factor, 4.0);
        EXPECT_EQ(rope.original_context, 256);
    }
    Json without_original = llama3;
    without_original.erase("original_max_position_embeddings");
    EXPECT_EQ(read(llama({{"rope_scaling", without_original}})).rope.original_context, 1024);

    const RopeConfig linear = read(qwen2({{"rope_scaling", {{"type", "linear"}, {"factor", 4}}}})).rope;
    EXPECT_EQ(linear.scaling, RopeScaling::kLinear);
    EXPECT_EQ(linear.factor, 4.0);
    for (const Json& harmless : {Json(nullptr), Json::object(), Json{{"rope_type", "default"}}}) {
        EXPECT_EQ(read(llama({{"rope_scaling", harmless}})).rope.scaling, RopeScaling::kNone);
    }
}

TEST(ModelConfig, RefusesRopeItCannotRun) {
    for (const char* type : {"dynamic", "yarn", "longrope", "su", "mrope"}) {
        auto model = read_model_config(llama({{"rope_scaling", {{"rope_type", type}, {"factor", 2}}}}), nullptr);
        ASSERT_FALSE(model.ok());
        EXPECT_EQ(model.error().kind, ErrorKind::kUnsupported);
        EXPECT_EQ(model.error().message,
                  "config.json: rope_scaling of type '" + std::string(type) + "' is not supported");
        EXPECT_EQ(model.error().hint, "supported: default, linear, llama3");
    }
    const struct {
        Json members;
        const char* expected;
    } cases[] = {
        {{{"rope_scaling", {{"type", "linear"}}}},
         "config.json: rope_scaling: 'factor' must be a number from 1 to 1000000, but it is missing"},
        {{{"rope_scaling", {{"type", "linear"}, {"factor", 0.5}}}},
         "config.json: rope_scaling: 'factor' must be a number from 1 to 1000000, got 0.5"},
        {{{"rope_scaling", {{"type", 1}}}}, "config.json: rope_scaling: 'type' must be a string, got 1"},
        {{{"rope_scaling", "linear"}}, "config.json: 'rope_scaling' must be an object, got \"linear\""},
        {{{"rope_scaling", {{"rope_type", "llama3"}, {"factor", 8}, {"low_freq_factor", 4}, {"high_freq_factor", 4}}}},
         "config.json: rope_scaling: 'high_freq_factor' must be greater than low_freq_factor 4, got 4"},
        {{{"rope_theta", 0}}, "config.json: 'rope_theta' must be a number from 1 to 1000000000000000, got 0"},
        {{{"rope_theta", "1e6"}}, "config.json: 'rope_theta' must be a number from 1 to 1000000000000000, got \"1e6\""},
        {{{"partial_rotary_factor", 0.5}},
         "config.json: 'partial_rotary_factor' 0.5 is not supported; RoPE must turn the whole head"},
        {{{"rope_parameters", {{"partial_rotary_factor", 0.25}}}},
         "config.json: 'partial_rotary_factor' 0.25 is not supported; RoPE must turn the whole head"},
        {{{"rope_parameters", {{"full_attention", {{"rope_theta", 1e6}}}}}},
         "config.json: rope_parameters per layer type is not supported"},
        {{{"rope_parameters", {{"rope_theta", 1e6}}}, {"rope_scaling", {{"type", "linear"}, {"factor", 2}}}},
         "config.json: rope_scaling and rope_parameters contradict each other"},
    };
    for (const auto& c : cases) EXPECT_EQ(error_of(llama(c.members)), c.expected);
}

TEST(ModelConfig, ReadsSlidingWindows) {
    EXPECT_FALSE(read(mistral({{"sliding_window", nullptr}})).full_attention_limit);
    EXPECT_FALSE(read(mistral({{"sliding_window", 1024}})).full_attention_limit);
    EXPECT_FALSE(read(mistral()).full_attention_limit);
    EXPECT_EQ(read(mistral({{"sliding_window", 512}})).full_attention_limit, 512);

    EXPECT_FALSE(read(qwen2({{"sliding_window", 512}, {"max_window_layers", 2}})).full_attention_limit);
    const Json in_use = {{"use_sliding_window", true}, {"sliding_window", 512}, {"max_window_layers", 2}};
    EXPECT_EQ(read(qwen2(in_use)).full_attention_limit, 512);
    EXPECT_EQ(read(qwen3(in_use)).full_attention_limit, 512);
    EXPECT_FALSE(read(qwen2({{"use_sliding_window", true}, {"sliding_window", 512}})).full_attention_limit);
    EXPECT_FALSE(read(qwen2({{"use_sliding_window", true}, {"sliding_window", nullptr}, {"max_window_layers", 0}}))
                     .full_attention_limit);

    const Json full = {"full_attention", "full_attention", "full_attention", "full_attention"};
    Json mixed = full;
    mixed[3] = "sliding_attention";
    Json other = full;
    other[0] = "chunked_attention";
    EXPECT_FALSE(read(qwen3({{"layer_types", full}})).full_attention_limit);
    EXPECT_FALSE(read(qwen3({{"layer_types", full}, {"use_sliding_window", true}, {"max_window_layers", 0}}))
                     .full_attention_limit);
    EXPECT_EQ(read(qwen3({{"layer_types", mixed}, {"use_sliding_window", true}, {"sliding_window", 16}}))
                  .full_attention_limit,
              16);
    EXPECT_EQ(error_of(qwen3({{"layer_types", mixed}})),
              "config.json: 'layer_types' has sliding_attention, but no sliding window is in use");
    EXPECT_EQ(error_of(qwen3({{"layer_types", other}})), "config.json: 'layer_types' has \"chunked_attention\"");
    EXPECT_EQ(error_of(qwen3({{"layer_types", {"full_attention"}}})),
              "config.json: 'layer_types' must be an array of 4 names, one per layer, got [\"full_attention\"]");
}

TEST(ModelConfig, ReadsTokenIds) {
    const Json config = llama({{"eos_token_id", 2}, {"bos_token_id", 1}});
    EXPECT_EQ(read(config).eos_ids, (std::vector<std::int32_t>{2}));
    EXPECT_EQ(read(config).bos_id, 1);
    const Json list = {{"eos_token_id", {5, 7, 5}}, {"bos_token_id", 9}};
    auto both = read_model_config(config, &list);
    EXPECT_EQ(both->eos_ids, (std::vector<std::int32_t>{5, 7}));
    EXPECT_EQ(both->bos_id, 1);
    const Json null = {{"eos_token_id", nullptr}};
    EXPECT_EQ(read_model_config(config, &null)->eos_ids, (std::vector<std::int32_t>{2}));
    EXPECT_EQ(read_model_config(llama(), &list)->bos_id, 9);

    const Json range = {{"eos_token_id", {1, 96}}};
    EXPECT_EQ(
        read_model_config(config, &range).error().message,
        "generation_config.json: 'eos_token_id' must be a token id, or an array of them, from 0 to 95, got [1,96]");
    EXPECT_EQ(error_of(llama({{"eos_token_id", -1}})),
              "config.json: 'eos_token_id' must be a token id, or an array of them, from 0 to 95, got -1");
    EXPECT_EQ(error_of(llama({{"bos_token_id", 96}})),
              "config.json: 'bos_token_id' must be an integer from 0 to 95, got 96");
}

TEST(ModelConfig, RefusesWhatNoFamilyRuns) {
    const struct {
        Json config;
        const char* expected;
        const char* hint;
    } cases[] = {
        {config_of("gemma2", "Gemma2ForCausalLM"), "config.json: architecture 'Gemma2ForCausalLM' is not supported",
         "supported: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM"},
        {config_of("gemma2", "-", {{"architectures", "-"}}), "config.json: model_type 'gemma2' is not supported",
         "supported: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM"},
        {llama({{"architectures", {"LlamaForSequenceClassification"}}}),
         "config.json: architecture 'LlamaForSequenceClassification' is not supported",
         "supported: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM"},
        {llama({{"architectures", "-"}, {"model_type", "-"}}),
         "config.json: 'architectures' and 'model_type' are missing",
         "supported: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM"},
        {config_of("mistral", "LlamaForCausalLM"),
         "config.json: 'architectures' says LlamaForCausalLM, but 'model_type' is 'mistral' instead of 'llama'", ""},
        {llama({{"architectures", Json::array()}}), "config.json: 'architectures' must be an array of one name, got []",
         ""},
        {llama({{"quantization_config", {{"quant_method", "gptq"}}}}),
         "config.json: the checkpoint is quantized already (quant_method \"gptq\")",
         "use the checkpoint it was made from, in F32, F16 or BF16"},
        {llama({{"hidden_act", "gelu"}}), "config.json: 'hidden_act' 'gelu' is not supported", "supported: silu"},
        {Json::array(), "config.json: expected an object, got array", ""},
    };
    for (const auto& c : cases) {
        auto model = read_model_config(c.config, nullptr);
        ASSERT_FALSE(model.ok());
        EXPECT_EQ(model.error().message, c.expected);
        EXPECT_EQ(model.error().hint, c.hint);
    }
}

TEST(ModelConfig, RangesOfSizes) {
    const struct {
        Json members;
        const char* expected;
    } cases[] = {
        {{{"hidden_size", "-"}}, "config.json: 'hidden_size' must be an integer from 1 to 1048576, but it is missing"},
        {{{"hidden_size", 0}}, "config.json: 'hidden_size' must be an integer from 1 to 1048576, got 0"},
        {{{"intermediate_size", -1}}, "config.json: 'intermediate_size' must be an integer from 1 to 1048576, got -1"},
        {{{"num_hidden_layers", 0}}, "config.json: 'num_hidden_layers' must be an integer from 1 to 4096, got 0"},
        {{{"num_hidden_layers", 2147483648}},
         "config.json: 'num_hidden_layers' must be an integer from 1 to 4096, got 2147483648"},
        {{{"num_attention_heads", 0}}, "config.json: 'num_attention_heads' must be an integer from 1 to 4096, got 0"},
        {{{"num_key_value_heads", 0}}, "config.json: 'num_key_value_heads' must be an integer from 1 to 4096, got 0"},
        {{{"num_key_value_heads", 3}}, "config.json: 'num_key_value_heads' must divide num_attention_heads 8, got 3"},
        {{{"num_key_value_heads", 16}}, "config.json: 'num_key_value_heads' must divide num_attention_heads 8, got 16"},
        {{{"hidden_size", 60}},
         "config.json: 'hidden_size' 60 is no multiple of num_attention_heads 8, and there is no head_dim"},
        {{{"head_dim", 7}}, "config.json: heads of 7 elements; RoPE needs an even head_dim"},
        {{{"hidden_size", 56}}, "config.json: heads of 7 elements; RoPE needs an even head_dim"},
        {{{"num_attention_heads", 4096}, {"head_dim", 4096}},
         "config.json: 4096 heads of 4096 elements are more than 1048576"},
        {{{"vocab_size", 96.5}}, "config.json: 'vocab_size' must be an integer from 1 to 4194304, got 96.5"},
        {{{"max_position_embeddings", 0}},
         "config.json: 'max_position_embeddings' must be an integer from 1 to 1073741824, got 0"},
        {{{"max_position_embeddings", std::uint64_t{1} << 63}},
         "config.json: 'max_position_embeddings' must be an integer from 1 to 1073741824, got 9223372036854775808"},
        {{{"rms_norm_eps", 0}}, "config.json: 'rms_norm_eps' must be a number from 1e-12 to 0.1, got 0"},
        {{{"rms_norm_eps", "NaN"}}, "config.json: 'rms_norm_eps' must be a number from 1e-12 to 0.1, got \"NaN\""},
        {{{"tie_word_embeddings", "no"}}, "config.json: 'tie_word_embeddings' must be true or false, got \"no\""},
        {{{"attention_bias", 1}}, "config.json: 'attention_bias' must be true or false, got 1"},
    };
    for (const auto& c : cases) EXPECT_EQ(error_of(llama(c.members)), c.expected);
    EXPECT_EQ(error_of(mistral({{"sliding_window", 0}})),
              "config.json: 'sliding_window' must be an integer from 1 to 1073741824, got 0");
}

}  // namespace
}  // namespace dwubit
