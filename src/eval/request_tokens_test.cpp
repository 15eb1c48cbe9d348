#include "eval/request_tokens.h"

#include <gtest/gtest.h>

#include <fstream>
#include <list>
#include <optional>

#include "support/temp_folder.h"
#include "support/tiny_model.h"
#include "support/tiny_tokenizer.h"

namespace dwubit {
namespace {

using Ids = std::vector<TokenId>;

// Ids: support/tiny_tokenizer.h. "▁" 3, "a" 4, "b" 5, "c" 6, "." 31, "▁a" 32, "ab" 33, "la" 35.
class RequestTokens : public ::testing::Test {
protected:
    // tokenizer_config.json is `config`, absent if empty.
    RequestEncoder encoder(std::optional<bool> add_bos = std::nullopt, bool template_bos = true,
                           const std::string& config = R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}})") {
        const auto path = testing::write_tiny_model("llama", folder_ / std::to_string(count_++)).value();
        if (!config.empty()) std::ofstream(path / "tokenizer_config.json") << config;
        models_.push_back(Model::load(path, ActType::kF32, pool_).value());
        tokenizers_.push_back(testing::tiny_tokenizer(template_bos));
        return RequestEncoder::create(models_.back(), tokenizers_.back(), add_bos);
    }

    static void expect(const Result<ScoredText>& text, const Ids& ids, std::int64_t scored, bool cut = false) {
        ASSERT_TRUE(text.ok()) << text.error().message;
        EXPECT_EQ(text->ids, ids);
        EXPECT_EQ(text->scored, scored);
        EXPECT_EQ(text->cut, cut);
    }

    testing::TempFolder folder_;
    ThreadPool pool_{1};
    std::list<Model> models_;
    std::list<Tokenizer> tokenizers_;
    int count_ = 0;
};

TEST_F(RequestTokens, ContinuationIsWhatFollowsAsManyIdsAsTheContextHas) {
    const RequestEncoder e = encoder();
    EXPECT_TRUE(e.add_bos());
    expect(e.pair("c", " a", 100), {1, 6, 32}, 1);
    expect(e.pair("c.", "ab.", 100), {1, 6, 31, 33, 31}, 2);
    // Encoded together "a" and "b" are one token: none is left for the continuation of the context's one.
    EXPECT_FALSE(e.pair("a", "b", 100).ok());
    // The context keeps its own ids where the whole text has others.
    expect(e.pair("a", "bc", 100), {1, 4, 6}, 1);
}

TEST_F(RequestTokens, BlanksAtTheContextsEndMoveToTheContinuation) {
    const RequestEncoder e = encoder();
    expect(e.pair("c ", "a", 100), {1, 6, 32}, 1);
    expect(e.pair("c \n", "a", 100), {1, 6, 3, 30, 4}, 3);
    // U+3000, a blank of three bytes, has no token of its own.
    expect(e.pair("c\u3000", "a", 100), {1, 6, 0, 4}, 2);
    expect(e.pair("  ", "a", 100), {1, 3, 32}, 2);
}

TEST_F(RequestTokens, EmptyContextIsThePrefixToken) {
    expect(encoder().pair("", "ab", 100), {1, 33}, 1);
    expect(encoder(false).pair("", "ab", 100), {1, 33}, 1);
    expect(encoder().pair("", "<s>ab", 100), {1, 33}, 1);
    EXPECT_FALSE(encoder().pair("", "<s>", 100).ok());
    EXPECT_FALSE(encoder().pair("", "", 100).ok());
    expect(encoder(std::nullopt, false, R"({"bos_token": null, "eos_token": "</s>"})").pair("", "ab", 100), {2, 33}, 1);
}

TEST_F(RequestTokens, BosByTheTokenizersRuleOrAsTold) {
    const std::string config = R"({"bos_token": "<s>"})";
    expect(encoder(false).pair("c", "a", 100), {6, 4}, 1);
    EXPECT_FALSE(encoder(false).add_bos());
    expect(encoder(std::nullopt, false, config).pair("c", "a", 100), {6, 4}, 1);
    expect(encoder(true, false, config).pair("c", "a", 100), {1, 6, 4}, 1);
    EXPECT_TRUE(encoder(true, false, config).add_bos());
    // A text that brings its BOS along gets no second one.
    expect(encoder().pair("<s>c", "a", 100), {1, 6, 4}, 1);
    expect(encoder(true).pair("<s>c", "a", 100), {1, 6, 4}, 1);
    // Without tokenizer_config.json the template and config.json say which they are.
    EXPECT_EQ(encoder(std::nullopt, true, "").eos(), 2);
    expect(encoder(std::nullopt, false, "").pair("", "a", 100), {1, 4}, 1);
}

TEST_F(RequestTokens, LongTextsLoseTheirLeft) {
    const RequestEncoder e = encoder();
    expect(e.pair("ccc", "aa", 5), {1, 6, 6, 6, 4, 4}, 2);
    expect(e.pair("ccc", "aa", 4), {6, 6, 6, 4, 4}, 2, true);
    expect(e.pair("ccc", "aa", 2), {6, 4, 4}, 2, true);
    const auto too_long = e.pair("ccc", "aa", 1);
    ASSERT_FALSE(too_long.ok());
    EXPECT_EQ(too_long.error().message, "the continuation has 2 tokens, and max_length is 1");
}

TEST_F(RequestTokens, ContextWithoutTokensIsAnError) {
    const auto text = encoder(false).pair(" ", "a", 100);
    ASSERT_FALSE(text.ok());
    EXPECT_NE(text.error().message.find("no tokens"), std::string::npos);
}

TEST_F(RequestTokens, RollingWindowsPredictEveryIdOnce) {
    const RequestEncoder e = encoder();
    const auto windows = e.rolling("cdefghi", 3);  // <s> c d e f g h i = 1 6 7 8 9 10 11 12
    ASSERT_TRUE(windows.ok());
    ASSERT_EQ(windows->size(), 3u);
    EXPECT_EQ((*windows)[0].ids, (Ids{1, 1, 6, 7}));
    EXPECT_EQ((*windows)[0].scored, 3);
    EXPECT_EQ((*windows)[1].ids, (Ids{7, 8, 9, 10}));
    EXPECT_EQ((*windows)[1].scored, 3);
    // The last one is filled up with context.
    EXPECT_EQ((*windows)[2].ids, (Ids{9, 10, 11, 12}));
    EXPECT_EQ((*windows)[2].scored, 2);

    const auto one = e.rolling("c", 100);
    ASSERT_EQ(one->size(), 1u);
    EXPECT_EQ((*one)[0].ids, (Ids{1, 1, 6}));
    EXPECT_EQ((*one)[0].scored, 2);
    EXPECT_TRUE(encoder(false).rolling("", 100)->empty());
}

TEST_F(RequestTokens, PromptsKeepTheirRight) {
    const RequestEncoder e = encoder();
    EXPECT_EQ(e.prompt("c a", 100)->ids, (Ids{1, 6, 32}));
    EXPECT_EQ(e.prompt("<s>c", 100)->ids, (Ids{1, 6}));
    EXPECT_EQ(e.prompt("c ", 100)->ids, (Ids{1, 6, 3}));
    EXPECT_EQ(e.prompt("cde", 2)->ids, (Ids{7, 8}));
    EXPECT_TRUE(e.prompt("cde", 2)->cut);
    EXPECT_FALSE(encoder(false).prompt("", 100).ok());
}

}  // namespace
}  // namespace dwubit
