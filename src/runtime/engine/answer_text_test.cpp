#include "runtime/engine/answer_text.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace dwubit {
namespace {

class AnswerTextTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        tokenizer_ = std::make_unique<Tokenizer>(Tokenizer::load("models/orlik/tokenizer.json").value());
    }
    static void TearDownTestSuite() { tokenizer_.reset(); }

    // The text of the last tokens of `text`, those before them as prompt.
    static std::string answer(const std::vector<TokenId>& ids, std::size_t prompt,
                              std::vector<std::string> stops = {}) {
        auto text = AnswerText::create(*tokenizer_, std::span(ids).first(prompt), std::move(stops)).value();
        std::string result;
        for (std::size_t i = prompt; i < ids.size() && !text.stopped(); ++i) result += text.push(ids[i]).value();
        return result + text.finish();
    }

    static std::unique_ptr<Tokenizer> tokenizer_;
};

std::unique_ptr<Tokenizer> AnswerTextTest::tokenizer_;

TEST_F(AnswerTextTest, IsWhatDecodingAllAddsWhereverThePromptEnds) {
    const std::string text = "Kot\n\n ma  łóżko\n漢字 i\t🦉\nżółw";
    const std::vector<TokenId> ids = tokenizer_->encode(text, true).value();
    int compared = 0;
    for (std::size_t prompt = 1; prompt <= ids.size(); ++prompt) {
        const std::string before = tokenizer_->decode(std::span(ids).first(prompt), true).value();
        if (text.compare(0, before.size(), before) != 0) continue;  // within a character
        EXPECT_EQ(answer(ids, prompt), text.substr(before.size())) << prompt;
        ++compared;
    }
    EXPECT_GE(compared, 15);
}

TEST_F(AnswerTextTest, APromptThatEndsWithinACharacterLeavesItToTheAnswer) {
    const std::vector<TokenId> ids = tokenizer_->encode("kot 🦉 x", true).value();
    for (std::size_t prompt = 1; prompt < ids.size(); ++prompt) {
        EXPECT_FALSE(find_invalid_utf8(answer(ids, prompt))) << prompt;
    }
}

TEST_F(AnswerTextTest, StopsDoNotSeeThePrompt) {
    const std::vector<TokenId> ids = tokenizer_->encode("kot\n\nma\n\npsa", true).value();
    const std::vector<TokenId> prompt = tokenizer_->encode("kot\n\n", true).value();
    ASSERT_TRUE(std::equal(prompt.begin(), prompt.end(), ids.begin()));
    EXPECT_EQ(answer(ids, prompt.size(), {"\n\n"}), "ma");
    EXPECT_EQ(answer(ids, prompt.size()), "ma\n\npsa");
}

TEST_F(AnswerTextTest, IdsOutsideTheVocabularyAreErrors) {
    const std::vector<TokenId> wrong = {1, 1 << 20};
    EXPECT_FALSE(AnswerText::create(*tokenizer_, wrong, {}).ok());
    auto text = AnswerText::create(*tokenizer_, std::span(wrong).first(1), {}).value();
    EXPECT_FALSE(text.push(-1).ok());
}

}  // namespace
}  // namespace dwubit
