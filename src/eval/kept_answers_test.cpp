#include "eval/kept_answers.h"

#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace dwubit {
namespace {

const std::vector<TaskRequest> kRequests = {{"kot", " ma"}, {"", "dom"}};

KeptAnswers some_answers() {
    KeptAnswers answers;
    answers.responses = {{-1.0 / 3, true, ""}, {-123456.789012345678, false, "zażółć\n\"gęślą\""}};
    answers.counts = {17, 4};
    return answers;
}

TEST(KeptAnswers, ComeBackBitForBit) {
    const testing::TempFolder folder;
    const std::string asked = asked_sha256(kRequests, OrderedJson::object());
    ASSERT_TRUE(keep_answers(folder.path() / "deep", "a/task", asked, some_answers()).ok());
    const auto found = read_kept_answers(folder.path() / "deep", "a/task", asked, 2);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->responses.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(found->responses[i].loglikelihood, some_answers().responses[i].loglikelihood);
        EXPECT_EQ(found->responses[i].is_greedy, some_answers().responses[i].is_greedy);
        EXPECT_EQ(found->responses[i].text, some_answers().responses[i].text);
    }
    EXPECT_EQ(found->counts.tokens_evaluated, 17);
    EXPECT_EQ(found->counts.tokens_reused, 4);
}

TEST(KeptAnswers, AnswerOnlyWhatWasAsked) {
    const testing::TempFolder folder;
    const std::string asked = asked_sha256(kRequests, OrderedJson::object());
    ASSERT_TRUE(keep_answers(folder.path(), "t", asked, some_answers()).ok());
    EXPECT_FALSE(read_kept_answers(folder.path(), "other", asked, 2));
    EXPECT_FALSE(read_kept_answers(folder.path(), "t", asked, 3));
    // A blank that moves from one text to the next, another end of generations.
    const std::vector<TaskRequest> moved = {{"kot ", "ma"}, {"", "dom"}};
    EXPECT_NE(asked_sha256(moved, OrderedJson::object()), asked);
    EXPECT_NE(asked_sha256(kRequests, OrderedJson{{"until", "\n"}}), asked);
    EXPECT_FALSE(read_kept_answers(folder.path(), "t", asked_sha256(moved, OrderedJson::object()), 2));
}

TEST(KeptAnswers, DamagedFilesAreNoAnswers) {
    const testing::TempFolder folder;
    const std::string asked(64, 'a');
    const std::string head = R"({"asked": ")" + asked + R"(", "tokens_evaluated": 1, "tokens_reused": 0, "answers": )";
    folder.write("good.json", head + R"([[-1.5, true, "x"]]})");
    ASSERT_TRUE(read_kept_answers(folder.path(), "good", asked, 1));
    const char* const broken[] = {
        R"([["x", true, "x"]]})",       R"([[-1.5, 1, "x"]]})",    R"([[-1.5, true]]})", "[3]}",
        R"({"0": [-1.5, true, "x"]}})", R"([[null, true, "x"]]})", "[[-1.5, tr"};
    for (const char* const rest : broken) {
        folder.write("bad.json", head + rest);
        EXPECT_FALSE(read_kept_answers(folder.path(), "bad", asked, 1)) << rest;
    }
    folder.write("bad.json", "[]");
    EXPECT_FALSE(read_kept_answers(folder.path(), "bad", asked, 1));
}

}  // namespace
}  // namespace dwubit
