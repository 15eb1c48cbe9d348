// GGUF files that are written here and read again; tests/integration/gguf_test.py has the commands on them.
#include "convert/gguf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/atomic_file.h"
#include "checkpoint/gguf_tokenizer.h"
#include "checkpoint/gguf_writer.h"
#include "checkpoint/stored_tensor.h"
#include "convert/dense.h"
#include "ggml/block_type.h"
#include "runtime/model/gguf_model.h"
#include "runtime/model/gguf_names.h"
#include "runtime/model/model.h"
#include "runtime/model/open_model.h"
#include "support/gguf_bytes.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {
namespace {

using namespace testing;

std::vector<float> logits_of(const std::filesystem::path& path, const std::vector<TokenId>& ids, ThreadPool& pool,
                             ActType act = ActType::kF32) {
    auto model = Model::load(path, act, pool);
    EXPECT_TRUE(model.ok()) << model.error().message;
    const auto vocab = model->config().vocab;
    std::vector<float> logits(ids.size() * static_cast<std::size_t>(vocab), NAN);
    KvCache cache = *KvCache::create(model->config(), static_cast<std::int64_t>(ids.size()));
    const auto sink = [&](std::int64_t row, std::span<const float> values) {
        std::copy(values.begin(), values.end(), logits.begin() + row * vocab);
    };
    EXPECT_TRUE(model->forward(ids, cache, LogitRows::kAll, sink, pool).ok());
    return logits;
}

class GgufModels : public ::testing::TestWithParam<std::string> {
protected:
    // The tiny model as a folder and as a file of `type`.
    void write(const std::string& type) {
        auto written = write_tiny_model(GetParam(), folder_ / "hf");
        ASSERT_TRUE(written.ok()) << written.error().message;
        auto done = export_gguf(folder_ / "hf", folder_ / "m.gguf", {.type = type, .overwrite = true}, pool_);
        ASSERT_TRUE(done.ok()) << done.error().message;
    }
    TempFolder folder_;
    ThreadPool pool_{2};
};

// q and k have their rows in another order in the file: a wrong one would show in every logit.
TEST_P(GgufModels, LogitsEqualTransformers) {
    const auto golden = read_tiny_golden(GetParam());
    ASSERT_TRUE(golden.ok());
    for (const char* type : {"keep", "f32", "f16"}) {
        write(type);
        const auto logits = logits_of(folder_ / "m.gguf", golden->ids, pool_);
        ASSERT_EQ(logits.size(), golden->logits.size());
        for (std::size_t i = 0; i < logits.size(); ++i)
            ASSERT_NEAR(logits[i], golden->logits[i], 1e-5) << type << " " << i;
    }
}

TEST_P(GgufModels, ConfigComesBack) {
    write("keep");
    const auto before = open_model(folder_ / "hf");
    const auto after = open_model(folder_ / "m.gguf");
    ASSERT_TRUE(before.ok() && after.ok()) << after.error().message;
    const ModelConfig& a = before->config;
    const ModelConfig& b = after->config;
    EXPECT_EQ(a.hidden, b.hidden);
    EXPECT_EQ(a.intermediate, b.intermediate);
    EXPECT_EQ(a.layers, b.layers);
    EXPECT_EQ(a.heads, b.heads);
    EXPECT_EQ(a.kv_heads, b.kv_heads);
    EXPECT_EQ(a.head_dim, b.head_dim);
    EXPECT_EQ(a.vocab, b.vocab);
    EXPECT_EQ(a.max_positions, b.max_positions);
    EXPECT_EQ(a.rms_norm_eps, b.rms_norm_eps);
    EXPECT_EQ(a.tied_embeddings, b.tied_embeddings);
    EXPECT_EQ(a.qkv_bias, b.qkv_bias);
    EXPECT_EQ(a.o_bias, b.o_bias);
    EXPECT_EQ(a.qk_norm, b.qk_norm);
    EXPECT_EQ(a.full_attention_limit, b.full_attention_limit);
    EXPECT_EQ(a.rope.theta, b.rope.theta);
    EXPECT_EQ(a.rope.scaling, b.rope.scaling);
    EXPECT_EQ(a.rope.factor, b.rope.factor);
    EXPECT_EQ(a.rope.original_context, b.rope.original_context);
}

INSTANTIATE_TEST_SUITE_P(Families, GgufModels, ::testing::ValuesIn(tiny_model_names()), [](const auto& tiny) {
    std::string name = tiny.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

class GgufOrlik : public ::testing::Test {
protected:
    const std::filesystem::path orlik_ = std::string(DWUBIT_SOURCE_DIR) + "/models/orlik";
    TempFolder folder_;
    ThreadPool pool_{2};
};

TEST_F(GgufOrlik, TokenizerComesBack) {
    ASSERT_TRUE(export_gguf(orlik_, folder_ / "o.gguf", {}, pool_).ok());
    auto file = read_gguf(folder_ / "o.gguf");
    ASSERT_TRUE(file.ok()) << file.error().message;
    auto json = gguf_tokenizer_json(file->metadata);
    ASSERT_TRUE(json.ok()) << json.error().message;
    auto read = Tokenizer::parse(*json, "o.gguf");
    auto own = Tokenizer::load(orlik_ / "tokenizer.json");
    ASSERT_TRUE(read.ok() && own.ok());
    const std::string text = read_file(std::string(DWUBIT_SOURCE_DIR) + "/models/orlik/NOTICE.tsv").value() +
                             "  Zażółć gęślą\tjaźń. <s> 東京 🙂<|im_end|>\n\n x = 1;" +
                             std::string(300, 'a');
    EXPECT_EQ(read->encode(text, true).value(), own->encode(text, true).value());
    EXPECT_EQ(read->prefix_ids(), own->prefix_ids());
    auto config = gguf_tokenizer_config(file->metadata);
    auto theirs = read_json_file(orlik_ / "tokenizer_config.json");
    ASSERT_TRUE(config.ok() && theirs.ok());
    for (const char* key : {"chat_template", "bos_token", "eos_token", "unk_token", "pad_token", "add_bos_token"}) {
        EXPECT_EQ((*config)[key], (*theirs)[key]) << key;
    }
    EXPECT_EQ(gguf_end_ids(file->metadata).value(), (std::vector<std::int64_t>{4, 2}));
}

TEST_F(GgufOrlik, BlocksAreWhatGgmlMakesOfTheRows) {
    ASSERT_TRUE(export_gguf(orlik_, folder_ / "o.gguf", {.type = "q8_0"}, pool_).ok());
    auto original = open_model(orlik_);
    auto written = open_model(folder_ / "o.gguf");
    ASSERT_TRUE(original.ok() && written.ok());
    const BlockType& type = *find_block_type("Q8_0");
    for (const char* name : {"model.layers.1.self_attn.q_proj.weight", "model.layers.5.mlp.down_proj.weight"}) {
        const TensorView& from = *original->directory.tensors.find(name);
        const TensorView& to = *written->directory.tensors.find(name);
        const std::int64_t columns = from.shape[1];
        std::vector<float> row(static_cast<std::size_t>(columns));
        std::vector<std::byte> blocks(static_cast<std::size_t>(columns / type.weights * type.bytes));
        for (std::int64_t r = 0; r < from.shape[0]; ++r) {
            read_stored_rows(from, r, 1, row.data());
            type.encode(row.data(), columns / type.weights, nullptr, blocks.data());
            const auto there = stored_row(to, r);
            ASSERT_TRUE(std::equal(blocks.begin(), blocks.end(), there.begin(), there.end())) << name << " " << r;
        }
    }
}

// Blocks run packed have the rows of q and k put back like decoded ones: another order would be off by whole units.
TEST_F(GgufOrlik, PackedBlocksAnswerAsTheirValues) {
    ASSERT_TRUE(export_gguf(orlik_, folder_ / "o.gguf", {.type = "q8_0"}, pool_).ok());
    ASSERT_TRUE(export_dense(folder_ / "o.gguf", folder_ / "dense", {}, pool_).ok());
    const std::vector<TokenId> ids = {1, 300, 1200, 77, 2048, 512, 9, 4000};
    const auto expected = logits_of(folder_ / "dense", ids, pool_);
    for (const ActType act : {ActType::kF32, ActType::kInt8x2}) {
        const auto logits = logits_of(folder_ / "o.gguf", ids, pool_, act);
        double worst = 0;
        for (std::size_t i = 0; i < logits.size(); ++i)
            worst = std::max<double>(worst, std::abs(logits[i] - expected[i]));
        EXPECT_LE(worst, act == ActType::kF32 ? 1e-4 : 0.05) << act_name(act);
    }
}

TEST_F(GgufOrlik, SameBytesForAnyNumberOfThreads) {
    ThreadPool one(1);
    ASSERT_TRUE(export_gguf(orlik_, folder_ / "a.gguf", {.type = "f16"}, one).ok());
    ASSERT_TRUE(export_gguf(orlik_, folder_ / "b.gguf", {.type = "f16"}, pool_).ok());
    EXPECT_EQ(read_file(folder_ / "a.gguf").value(), read_file(folder_ / "b.gguf").value());
}

TEST_F(GgufOrlik, RefusesOutputsAndTypes) {
    folder_.write("there.gguf", "x");
    const auto error = [&](const char* out, const char* type) {
        return export_gguf(orlik_, folder_ / out, {.type = type}, pool_).error();
    };
    EXPECT_EQ(error("there.gguf", "f16").kind, ErrorKind::kUsage);
    EXPECT_EQ(read_file(folder_ / "there.gguf").value(), "x");
    EXPECT_EQ(error("new.gguf", "q3_k").message, "--type q3_k: unknown type");
    EXPECT_EQ(error(".", "f16").kind, ErrorKind::kUsage);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "new.gguf"));
}

TEST(GgufNames, BothWays) {
    for (const auto& [gguf, hf] : std::vector<std::pair<const char*, const char*>>{
             {"token_embd.weight", "model.embed_tokens.weight"},
             {"output.weight", "lm_head.weight"},
             {"blk.12.attn_output.weight", "model.layers.12.self_attn.o_proj.weight"},
             {"blk.0.attn_k.bias", "model.layers.0.self_attn.k_proj.bias"},
             {"blk.3.ffn_norm.weight", "model.layers.3.post_attention_layernorm.weight"}}) {
        EXPECT_EQ(hf_tensor_name(gguf), hf);
        EXPECT_EQ(gguf_tensor_name(hf), gguf);
    }
    for (const char* none :
         {"", ".weight", "blk..attn_q.weight", "blk.01.attn_q.weight", "blk.1.attn_qkv.weight", "blk.1.attn_q.scale",
          "blk.1", "blk.9999999999999999999attn_q.weight", "rope_freqs.weight"}) {
        EXPECT_FALSE(hf_tensor_name(none)) << none;
    }
}

// The tiny model's file with one value of its metadata replaced, added (key not there), or taken away (bytes empty).
class GgufConfig : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(write_tiny_model("llama-linear", folder_ / "hf").ok());
        ASSERT_TRUE(export_gguf(folder_ / "hf", folder_ / "m.gguf", {}, pool_).ok());
    }
    std::string error_of(const std::string& key, GgufType type, const std::string& bytes) {
        auto file = read_gguf(folder_ / "m.gguf");
        EXPECT_TRUE(file.ok());
        GgufFields fields;
        for (const auto& [name, value] : file->metadata.values()) {
            if (name != key) fields.add(name, value);
        }
        std::vector<GgufTensor> tensors;
        for (const auto& [name, tensor] : file->tensors.tensors()) {
            tensors.push_back({name, tensor.shape, find_block_type(stored_type_name(tensor))});
        }
        auto writer = GgufWriter::create(folder_ / "n.gguf", fields, tensors);
        for (const auto& [name, tensor] : file->tensors.tensors()) EXPECT_TRUE(writer->write(tensor.bytes).ok());
        EXPECT_TRUE(writer->commit().ok());
        if (!bytes.empty()) {
            // One more value, behind the counts.
            std::string text = read_file(folder_ / "n.gguf").value();
            const std::string value = gguf_value(key, type, bytes);
            const std::string rest = text.substr(24);
            // The tensors' data stay aligned: what is added is filled up with a value that nobody reads.
            const std::size_t filler =
                64 - (value.size() + gguf_value("filler", GgufType::kString, gguf_text("")).size()) % 32;
            const std::string head = text.substr(0, 16) + gguf_number(fields.count() + 2);
            folder_.write(
                "n.gguf",
                head + value + gguf_value("filler", GgufType::kString, gguf_text(std::string(filler, ' '))) + rest);
        }
        auto model = open_model(folder_ / "n.gguf");
        return model.ok() ? "read" : model.error().message;
    }
    std::string error_of(const std::string& key, std::uint32_t number) {
        return error_of(key, GgufType::kU32, gguf_number(number));
    }
    TempFolder folder_;
    ThreadPool pool_{2};
};

TEST_F(GgufConfig, RefusesValuesThatMakeNoModel) {
    const std::string text = error_of("general.architecture", GgufType::kString, gguf_text("falcon"));
    EXPECT_EQ(text, "n.gguf: architecture 'falcon' is not supported");
    EXPECT_EQ(error_of("unused.key", 1), "read");
    const auto expect_key = [&](const char* key, std::uint32_t value) {
        EXPECT_NE(error_of(key, value).find(std::string("'") + key + "'"), std::string::npos) << error_of(key, value);
    };
    for (const std::uint32_t bad : {0u, 0x80000000u}) {
        expect_key("llama.block_count", bad);
        expect_key("llama.attention.head_count", bad);
        expect_key("llama.attention.head_count_kv", bad);
        expect_key("llama.embedding_length", bad);
        expect_key("llama.feed_forward_length", bad);
        expect_key("llama.context_length", bad);
    }
    expect_key("llama.attention.head_count_kv", 4);  // of 6 heads
    expect_key("llama.vocab_size", 95);
    EXPECT_NE(error_of("llama.rope.dimension_count", 2).find("are not supported"), std::string::npos);
    EXPECT_NE(error_of("llama.rope.dimension_count", 1000).find("are not supported"), std::string::npos);
    EXPECT_NE(error_of("llama.attention.key_length", 7).find("even number"), std::string::npos);
    EXPECT_NE(error_of("llama.expert_count", 8).find("8 experts"), std::string::npos);
    EXPECT_NE(
        error_of("llama.attention.layer_norm_rms_epsilon", GgufType::kF32, gguf_number(NAN)).find("a number from"),
        std::string::npos);
    EXPECT_NE(error_of("llama.rope.freq_base", GgufType::kF32, gguf_number(-1.0f)).find("a number from"),
              std::string::npos);
    EXPECT_NE(error_of("llama.rope.scaling.type", GgufType::kString, gguf_text("yarn")).find("'yarn' is not supported"),
              std::string::npos);
    EXPECT_NE(error_of("llama.attention.head_count", GgufType::kArray,
                       gguf_array(GgufType::kI32, 2, gguf_number(4) + gguf_number(2)))
                  .find("differs between layers"),
              std::string::npos);
    EXPECT_NE(error_of("llama.attention.head_count", GgufType::kArray,
                       gguf_array(GgufType::kI32, 2, gguf_number(0) + gguf_number(0)))
                  .find("an integer from 1"),
              std::string::npos);
    EXPECT_NE(error_of("llama.block_count", 1000).find("tensor 'model.layers."), std::string::npos);
}

}  // namespace
}  // namespace dwubit
