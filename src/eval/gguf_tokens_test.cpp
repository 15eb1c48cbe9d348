// Tokenizers of GGUF files against llama.cpp (tests/oracle/gguf_tokens.py).
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "checkpoint/gguf.h"
#include "eval/model_text.h"
#include "json/json.h"
#include "support/gguf_bytes.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

using namespace testing;
using Type = GgufType;

const std::filesystem::path kGolden = std::string(DWUBIT_SOURCE_DIR) + "/tests/golden/gguf";

TEST(GgufTokens, IdsAreThoseOfLlamaCpp) {
    auto answers = read_json_file(kGolden / "tokens.json");
    ASSERT_TRUE(answers.ok()) << answers.error().message;
    const Json& texts = (*answers)["texts"];
    ASSERT_EQ((*answers)["ids"].size(), 9u);
    for (const auto& [name, lists] : (*answers)["ids"].items()) {
        auto tokenizer = load_tokenizer(kGolden / (name + ".gguf"));
        ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto text = texts[i].get<std::string>();
            // Qwen2's tokenizer normalizes to NFC, llama.cpp does not: the one text that is not NFC differs.
            if (name == "qwen2" && text.find("e\xCC\x81") != std::string::npos) continue;
            auto ids = tokenizer->encode(text, /*add_special=*/true);
            ASSERT_TRUE(ids.ok());
            EXPECT_EQ(*ids, lists[i].get<std::vector<TokenId>>()) << name << ": '" << text << "'";
        }
    }
}

TEST(GgufTokens, DecodeTheText) {
    auto answers = read_json_file(kGolden / "tokens.json");
    ASSERT_TRUE(answers.ok());
    for (const char* name : {"smollm", "scores"}) {
        auto tokenizer = load_tokenizer(kGolden / (std::string(name) + ".gguf"));
        ASSERT_TRUE(tokenizer.ok());
        for (const Json& value : (*answers)["texts"]) {
            const auto text = value.get<std::string>();
            // Behind a special token SentencePiece's blank comes again.
            if (text.find("<|end|>") != std::string::npos || text.find("<s>") != std::string::npos) continue;
            const auto ids = tokenizer->encode(text, false).value();
            EXPECT_EQ(tokenizer->decode(ids, false).value(), text) << name;
        }
    }
}

// A vocabulary of three tokens with `changed` added, or put in place of what has its key.
std::string vocabulary(const std::vector<std::pair<std::string, std::string>>& changed) {
    std::vector<std::pair<std::string, std::string>> values = {
        {"tokenizer.ggml.model", gguf_value("tokenizer.ggml.model", Type::kString, gguf_text("llama"))},
        {"tokenizer.ggml.tokens",
         gguf_value("tokenizer.ggml.tokens", Type::kArray,
                    gguf_array(Type::kString, 3, gguf_text("<unk>") + gguf_text("<s>") + gguf_text("</s>")))},
        {"tokenizer.ggml.scores",
         gguf_value("tokenizer.ggml.scores", Type::kArray, gguf_array(Type::kF32, 3, std::string(12, '\0')))}};
    for (const auto& [key, value] : changed) {
        bool there = false;
        for (auto& entry : values) {
            if (entry.first != key) continue;
            entry.second = value;
            there = true;
        }
        if (!there) values.emplace_back(key, value);
    }
    std::vector<std::string> list;
    for (const auto& entry : values) list.push_back(entry.second);
    return gguf_file(list, {}, "");
}

TEST(GgufTokens, RefusesVocabularies) {
    const TempFolder folder;
    const auto error_of = [&](const char* key, Type type, const std::string& bytes) {
        folder.write("v.gguf", vocabulary({{key, gguf_value(key, type, bytes)}}));
        auto tokenizer = load_tokenizer(folder / "v.gguf");
        return tokenizer.ok() ? "read" : tokenizer.error().message;
    };
    EXPECT_EQ(error_of("tokenizer.ggml.model", Type::kString, gguf_text("llama")), "read");
    EXPECT_EQ(error_of("tokenizer.ggml.model", Type::kString, gguf_text("rwkv")),
              "v.gguf: tokenizer model 'rwkv' is not supported");
    EXPECT_EQ(error_of("tokenizer.ggml.scores", Type::kArray, gguf_array(Type::kU8, 3, "abc")), "read");
    EXPECT_EQ(error_of("tokenizer.ggml.scores", Type::kArray, gguf_array(Type::kF32, 2, std::string(8, '\0'))),
              "v.gguf: metadata 'tokenizer.ggml.scores' must be an array of 3 numbers, got array of 2 f32");
    EXPECT_EQ(error_of("tokenizer.ggml.scores", Type::kArray, gguf_array(Type::kString, 3, std::string(24, '\0'))),
              "v.gguf: metadata 'tokenizer.ggml.scores' must be an array of 3 numbers, got array of 3 string");
    EXPECT_EQ(error_of("tokenizer.ggml.scores", Type::kArray,
                       gguf_array(Type::kF32, 3, std::string(8, '\0') + gguf_number(NAN))),
              "v.gguf: metadata 'tokenizer.ggml.scores' holds a number that is not finite at 2");
    EXPECT_EQ(error_of("tokenizer.ggml.token_type", Type::kArray, gguf_array(Type::kI32, 1, gguf_number(1))),
              "v.gguf: metadata 'tokenizer.ggml.token_type' must be an array of 3 integers, got array of 1 i32");
    EXPECT_EQ(error_of("tokenizer.ggml.token_type", Type::kArray, gguf_array(Type::kU8, 3, "\1\7\1")),
              "v.gguf: token 1 has type 7; types are 1 to 6");
    EXPECT_EQ(error_of("tokenizer.ggml.tokens", Type::kArray,
                       gguf_array(Type::kString, 3, gguf_text("a") + gguf_text("b") + gguf_text("a"))),
              "v.gguf: tokens 0 and 2 are both 'a'");
    EXPECT_EQ(error_of("tokenizer.ggml.tokens", Type::kArray,
                       gguf_array(Type::kString, 3, gguf_text("a") + gguf_text("\xff") + gguf_text("c"))),
              "v.gguf: token 1 '\\xff' is not UTF-8");
    EXPECT_EQ(
        error_of("tokenizer.ggml.tokens", Type::kArray, gguf_array(Type::kString, 0, "")),
        "v.gguf: metadata 'tokenizer.ggml.tokens' must be an array of 1 to 4194304 strings, got array of 0 string");
    EXPECT_EQ(error_of("tokenizer.ggml.bos_token_id", Type::kU32, gguf_number(3u)),
              "v.gguf: metadata 'tokenizer.ggml.bos_token_id' must be a token id from 0 to 2, got u32 3");
    EXPECT_EQ(error_of("tokenizer.ggml.bos_token_id", Type::kU32, gguf_number(0xffffffffu)),
              "v.gguf: tokenizer.ggml.add_bos_token is set, but bos_token_id is missing");
    EXPECT_EQ(error_of("tokenizer.ggml.add_bos_token", Type::kU32, gguf_number(1u)),
              "v.gguf: metadata 'tokenizer.ggml.add_bos_token' must be a bool, got u32 1");
}

TEST(GgufTokens, NamesAPreTokenizerThatIsNotKnown) {
    const TempFolder folder;
    const auto model = gguf_value("tokenizer.ggml.model", Type::kString, gguf_text("gpt2"));
    const auto merges = [](const std::string& merge) {
        return gguf_value("tokenizer.ggml.merges", Type::kArray, gguf_array(Type::kString, 1, gguf_text(merge)));
    };
    const auto open = [&](const char* pre, const std::string& merge) {
        folder.write("v.gguf", vocabulary({{"tokenizer.ggml.model", model},
                                           {"pre", gguf_value("tokenizer.ggml.pre", Type::kString, gguf_text(pre))},
                                           {"merges", merges(merge)}}));
        auto tokenizer = load_tokenizer(folder / "v.gguf");
        return tokenizer.ok() ? Error{} : tokenizer.error();
    };
    const Error error = open("viking", "a b");
    EXPECT_EQ(error.message, "v.gguf: pre-tokenizer 'viking' (tokenizer.ggml.pre) is not supported");
    EXPECT_NE(error.hint.find("smollm"), std::string::npos);
    EXPECT_EQ(open("gpt-2", "ab").message, "v.gguf: tokenizer.ggml.merges[0] must be 'left right', got 'ab'");
    EXPECT_EQ(open("gpt-2", "").message, "v.gguf: tokenizer.ggml.merges[0] must be 'left right', got ''");
    EXPECT_NE(open("gpt-2", "a b").message.find("'a' is not in the vocabulary"), std::string::npos);
}

}  // namespace
}  // namespace dwubit
