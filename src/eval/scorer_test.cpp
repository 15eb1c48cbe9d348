// The scorer against the plain way: each request alone through Model::forward, a full softmax in double, one token
// after the other.
#include "eval/scorer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <list>
#include <set>

#include "support/packed_model.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"
#include "support/tiny_tokenizer.h"

namespace dwubit {
namespace {

using Ids = std::vector<TokenId>;
using Requests = std::vector<TaskRequest>;
using Responses = std::vector<Response>;

// Logits after each of `ids`.
std::vector<std::vector<float>> logits_of(const Model& model, const Ids& ids, ThreadPool& pool) {
    KvCache cache = *KvCache::create(model.config(), static_cast<std::int64_t>(ids.size()));
    std::vector<std::vector<float>> logits(ids.size());
    const auto sink = [&](std::int64_t row, std::span<const float> values) {
        logits[static_cast<std::size_t>(row)].assign(values.begin(), values.end());
    };
    EXPECT_TRUE(model.forward(ids, cache, LogitRows::kAll, sink, pool).ok());
    return logits;
}

// The last `scored` of `ids`, from all before them.
Response plain_score(const Model& model, const Ids& ids, std::size_t scored, ThreadPool& pool) {
    const auto logits = logits_of(model, ids, pool);
    Response response{0, true, {}};
    for (std::size_t i = ids.size() - scored; i < ids.size(); ++i) {
        const std::vector<float>& row = logits[i - 1];
        double sum = 0;
        for (const float v : row) sum += std::exp(static_cast<double>(v));
        const auto id = static_cast<std::size_t>(ids[i]);
        response.loglikelihood += static_cast<double>(row[id]) - std::log(sum);
        response.is_greedy &= std::max_element(row.begin(), row.end()) - row.begin() == ids[i];
    }
    return response;
}

Ids plain_continuation(const Model& model, Ids ids, std::size_t count, ThreadPool& pool) {
    Ids added;
    while (added.size() < count) {
        const std::vector<float> row = logits_of(model, ids, pool).back();
        const auto id = static_cast<TokenId>(std::max_element(row.begin(), row.end()) - row.begin());
        if (id == 2) break;
        ids.push_back(id);
        added.push_back(id);
    }
    return added;
}

// Four documents with choices that share beginnings with each other, one repeated, one without context.
Requests sample_requests() {
    Requests requests;
    for (const char* context : {"abc. la", "abc. lab cd", "zzz", "abc. la"}) {
        for (const char* continuation : {" ab", " ac", " abcdef ab", "\nla", " a"}) {
            requests.push_back({context, continuation});
        }
    }
    requests.push_back({"", "abc"});
    requests.push_back({"abc. lab cd ", "ef"});
    return requests;
}

std::string bytes_of(const Responses& responses) {
    std::string bytes;
    for (const Response& r : responses) {
        bytes.append(reinterpret_cast<const char*>(&r.loglikelihood), sizeof r.loglikelihood);
        bytes += static_cast<char>('0' + static_cast<int>(r.is_greedy));
        bytes += r.text + '\0';
    }
    return bytes;
}

OrderedJson json_of(const char* text) {
    return parse_ordered_json(text).value();
}

class ScorerTest : public ::testing::TestWithParam<std::string> {
protected:
    std::filesystem::path source() {
        auto path = testing::write_tiny_model(GetParam(), folder_ / fmt::format("m{}", count_++)).value();
        std::ofstream(path / "tokenizer_config.json") << R"({"bos_token": "<s>", "eos_token": "</s>"})";
        return path;
    }
    const Model& load(const std::filesystem::path& path, ActType act = ActType::kF32) {
        auto model = Model::load(path, act, pool_);
        EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
        return models_.emplace_back(std::move(*model));
    }
    const Model& model() { return models_.empty() ? load(source()) : models_.front(); }

    Scorer scorer(const Model& model, ScorerOptions options = {}) { return scorer(model, options, pool_); }
    Scorer scorer(const Model& model, ScorerOptions options, ThreadPool& pool) {
        auto made = Scorer::create(model, tokenizer_, pool, options);
        EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
        return std::move(*made);
    }
    Responses score(Scorer& scorer, const Requests& requests) {
        auto answers = scorer.loglikelihood(requests, no_progress());
        EXPECT_TRUE(answers.ok()) << (answers.ok() ? "" : answers.error().message);
        return std::move(*answers);
    }
    Responses generate(Scorer& scorer, const Requests& requests, const char* options) {
        auto answers = scorer.generate_until(requests, json_of(options), no_progress());
        EXPECT_TRUE(answers.ok()) << (answers.ok() ? "" : answers.error().message);
        return std::move(*answers);
    }
    Ids encode(const std::string& text) { return tokenizer_.encode(text, true).value(); }

    // Each request of sample_requests() alone.
    void expect_plain_scores(const Model& model) {
        Scorer s = scorer(model);
        const Requests requests = sample_requests();
        const Responses answers = score(s, requests);
        ASSERT_EQ(answers.size(), requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
            // A blank at the context's end is the continuation's.
            const bool blank = requests[i].context.ends_with(' ');
            const std::string context = requests[i].context.substr(0, requests[i].context.size() - (blank ? 1 : 0));
            const Ids ids = encode(requests[i].context + requests[i].continuation);
            const Response plain = plain_score(model, ids, ids.size() - encode(context).size(), pool_);
            EXPECT_NEAR(answers[i].loglikelihood, plain.loglikelihood, 1e-4) << i;
            EXPECT_EQ(answers[i].is_greedy, plain.is_greedy) << i;
        }
    }

    testing::TempFolder folder_;
    ThreadPool pool_{2};
    Tokenizer tokenizer_ = testing::tiny_tokenizer();
    std::list<Model> models_;
    int count_ = 0;
};

TEST_P(ScorerTest, LoglikelihoodsAreThoseOfEachRequestAlone) {
    expect_plain_scores(model());
}

TEST_P(ScorerTest, PackedModelsToo) {
    testing::PackedModelOptions options;
    options.params = {{"bits", 3}, {"group", 40}, {"grid", "mirror"}, {"perm", true}};
    const auto made = testing::write_packed_model(source(), folder_ / "p", options);
    ASSERT_TRUE(made.ok()) << made.error().message;
    expect_plain_scores(load(made->packed));
}

TEST_P(ScorerTest, GreedyIsSeen) {
    Requests requests;
    std::vector<bool> expected;
    for (char c = 'a'; c <= 'z'; ++c) {
        const std::vector<float> row = logits_of(model(), encode(std::string(1, c) + "."), pool_).back();
        const auto likeliest = std::max_element(row.begin(), row.end()) - row.begin();
        for (char next = 'a'; next <= 'z'; ++next) {
            requests.push_back({std::string(1, c) + ".", std::string(1, next)});
            expected.push_back(likeliest == 4 + (next - 'a'));
        }
    }
    EXPECT_GT(std::count(expected.begin(), expected.end(), true), 0);
    Scorer s = scorer(model());
    const Responses answers = score(s, requests);
    for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(answers[i].is_greedy, expected[i]) << i;
}

// What the engine promises: nothing around a request is seen in its answer.
TEST_P(ScorerTest, SameBytesForAnyBatchOrderNeighboursAndThreads) {
    const Requests requests = sample_requests();
    for (const ActType act : {ActType::kF32, ActType::kBf16}) {
        const Model& m = load(source(), act);
        Scorer s = scorer(m);
        const Responses expected = score(s, requests);
        ThreadPool one(1), three(3);
        for (const std::int64_t batch : {1, 2, 5, 1000}) {
            ScorerOptions options;
            options.batch_size = batch;
            Scorer other = scorer(m, options, batch == 2 ? one : three);
            EXPECT_EQ(bytes_of(score(other, requests)), bytes_of(expected)) << "batch " << batch;
            EXPECT_EQ(other.counts().tokens_evaluated, s.counts().tokens_evaluated);
        }
        Requests reversed(requests.rbegin(), requests.rend());
        Responses answers = score(s, reversed);
        std::reverse(answers.begin(), answers.end());
        EXPECT_EQ(bytes_of(answers), bytes_of(expected));
        for (std::size_t i = 0; i < requests.size(); ++i) {
            EXPECT_EQ(bytes_of(score(s, {requests[i]})), bytes_of({expected[i]})) << "request " << i << " alone";
        }
    }
}

TEST_P(ScorerTest, CountsWhatWasEvaluatedAndWhatWasNot) {
    Scorer s = scorer(model());
    // <s> c d e | f, <s> c d e | g h, the same again, <s> c | z: positions 4 + 5 + 5 + 2, rows <s> c d e, g.
    score(s, {{"cde", "f"}, {"cde", "gh"}, {"cde", "gh"}, {"c", "z"}});
    EXPECT_EQ(s.counts().tokens_evaluated, 5);
    EXPECT_EQ(s.counts().tokens_reused, 4 + 5 + 5 + 2 - 5);
    score(s, {{"c", "z"}});
    EXPECT_EQ(s.counts().tokens_evaluated, 7);
}

TEST_P(ScorerTest, RollingTextsAreScoredInWindows) {
    const std::string text = "abcdef ghi. lab cde";
    Ids ids = encode(text);
    for (const std::int64_t max_length : {256, 5, 4, 1}) {
        ScorerOptions options;
        options.max_length = max_length;
        Scorer s = scorer(model(), options);
        const auto answers = s.loglikelihood_rolling(Requests{{text, ""}, {"", ""}, {text, ""}}, no_progress());
        ASSERT_TRUE(answers.ok()) << answers.error().message;
        // Every id from the ids before it in its window, the first id from <s>.
        double expected = 0;
        const auto size = static_cast<std::int64_t>(ids.size());
        for (std::int64_t first = 0; first < size; first += max_length) {
            const std::int64_t end = std::min(first + max_length, size);
            Ids window = {1};
            if (first == 0) window.insert(window.end(), ids.begin(), ids.begin() + end);
            if (first > 0) window.assign(ids.begin() + end - max_length - 1, ids.begin() + end);
            expected += plain_score(model(), window, static_cast<std::size_t>(end - first), pool_).loglikelihood;
        }
        EXPECT_NEAR((*answers)[0].loglikelihood, expected, 1e-4) << max_length;
        EXPECT_EQ((*answers)[2].loglikelihood, (*answers)[0].loglikelihood);
        EXPECT_NEAR((*answers)[1].loglikelihood, plain_score(model(), {1, 1}, 1, pool_).loglikelihood, 1e-5);
    }
}

TEST_P(ScorerTest, ContinuationsAreTheLikeliestTokens) {
    Scorer s = scorer(model());
    const Requests requests = {{"abc. la", ""}, {"abc. lab cd", ""}, {"zzz", ""}, {"abc. la", ""}, {"", ""}};
    const Responses answers = generate(s, requests, R"({"max_gen_toks": 9})");
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const Ids ids = plain_continuation(model(), encode(requests[i].context), 9, pool_);
        EXPECT_EQ(answers[i].text, tokenizer_.decode(ids, true).value()) << i;
    }
    // Prompts as ids: <s>, + abc. la, the same again, + b cd, <s> zzz: what follows the prompt before is not read
    // again.
    EXPECT_GT(s.counts().tokens_reused, 0);
}

TEST_P(ScorerTest, ContinuationsDoNotDependOnBatchOrderAndThreads) {
    Requests requests;
    for (char c = 'a'; c <= 'z'; ++c) requests.push_back({fmt::format("abc{}. la {}", c, c), ""});
    for (const char* options :
         {R"({"max_gen_toks": 6})", R"({"max_gen_toks": 6, "temperature": 1.5, "repetition_penalty": 1.25})"}) {
        Scorer s = scorer(model());
        const Responses expected = generate(s, requests, options);
        ThreadPool three(3);
        for (const std::int64_t batch : {1, 3}) {
            ScorerOptions few;
            few.batch_size = batch;
            Scorer other = scorer(model(), few, three);
            EXPECT_EQ(bytes_of(generate(other, requests, options)), bytes_of(expected)) << batch;
        }
        Requests reversed(requests.rbegin(), requests.rend());
        Responses answers = generate(s, reversed, options);
        std::reverse(answers.begin(), answers.end());
        EXPECT_EQ(bytes_of(answers), bytes_of(expected));
    }
}

TEST_P(ScorerTest, StopStringsCutTheText) {
    Scorer s = scorer(model());
    const std::string whole = generate(s, {{"abc. la", ""}}, R"({"max_gen_toks": 12})")[0].text;
    ASSERT_GE(whole.size(), 6u);
    const std::string stop = whole.substr(3, 2);
    const OrderedJson options = {{"max_gen_toks", 12}, {"until", stop}};
    const auto cut = s.generate_until(Requests{{"abc. la", ""}}, options, no_progress());
    EXPECT_EQ((*cut)[0].text, whole.substr(0, whole.find(stop)));
}

TEST_P(ScorerTest, LongPromptsAreCutOnTheLeft) {
    ScorerOptions options;
    options.max_length = 12;
    Scorer s = scorer(model(), options);
    const std::string prompt = "abcdefghijklmnop. la";
    const Responses answers = generate(s, {{prompt, ""}}, R"({"max_gen_toks": 4})");
    const Ids all = encode(prompt);
    const Ids ids = plain_continuation(model(), Ids(all.end() - 8, all.end()), 4, pool_);
    EXPECT_EQ(answers[0].text, tokenizer_.decode(ids, true).value());
    const auto none = s.generate_until(Requests{{prompt, ""}}, json_of(R"({"max_gen_toks": 12})"), no_progress());
    ASSERT_FALSE(none.ok());
    EXPECT_EQ(none.error().message, "max_gen_toks 12 leaves no room for a prompt in 12 positions");
}

TEST_P(ScorerTest, RepeatedRequestsDrawAnew) {
    const Requests requests(8, TaskRequest{"abc. la", ""});
    const char* options = R"({"max_gen_toks": 8, "temperature": 2.0, "top_k": 0})";
    Scorer s = scorer(model());
    const Responses answers = generate(s, requests, options);
    std::set<std::string> texts;
    for (const Response& r : answers) texts.insert(r.text);
    EXPECT_GE(texts.size(), 6u);
    EXPECT_EQ(bytes_of(generate(s, requests, options)), bytes_of(answers));
    ScorerOptions other;
    other.seed = 99;
    Scorer seeded = scorer(model(), other);
    EXPECT_NE(bytes_of(generate(seeded, requests, options)), bytes_of(answers));
}

INSTANTIATE_TEST_SUITE_P(Families, ScorerTest, ::testing::Values("llama-linear", "mistral", "qwen3"),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

class ScorerErrors : public ScorerTest {};
INSTANTIATE_TEST_SUITE_P(One, ScorerErrors, ::testing::Values("llama"));

TEST_P(ScorerErrors, NameTheRequest) {
    Scorer s = scorer(model());
    const auto empty = s.loglikelihood(Requests{{"c", "a"}, {"c", ""}}, no_progress());
    ASSERT_FALSE(empty.ok());
    EXPECT_EQ(empty.error().message, "the continuation '' has no tokens after its context");
    EXPECT_EQ(empty.error().context, std::vector<std::string>{"request 1"});
    EXPECT_TRUE(s.loglikelihood({}, no_progress())->empty());
    EXPECT_TRUE(s.loglikelihood_rolling({}, no_progress())->empty());
    EXPECT_TRUE(s.generate_until({}, json_of(R"({"max_gen_toks": 8})"), no_progress())->empty());
}

TEST_P(ScorerErrors, OptionsHaveRanges) {
    for (const std::int64_t length : {0, 257}) {
        ScorerOptions options;
        options.max_length = length;
        const auto made = Scorer::create(model(), tokenizer_, pool_, options);
        ASSERT_FALSE(made.ok());
        EXPECT_EQ(made.error().message,
                  fmt::format("max_length {} is outside 1 .. 256, the positions of the model", length));
    }
    ScorerOptions options;
    options.batch_size = -1;
    EXPECT_FALSE(Scorer::create(model(), tokenizer_, pool_, options).ok());
    EXPECT_EQ(scorer(model()).max_length(), 256);
    EXPECT_TRUE(scorer(model()).add_bos());
}

}  // namespace
}  // namespace dwubit
