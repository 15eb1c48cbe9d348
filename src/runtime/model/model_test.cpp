// The forward pass against logits of Hugging Face transformers (float32, eager attention), and against itself.
#include "runtime/model/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "support/orlik_golden.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"

namespace dwubit {
namespace {

using testing::TempFolder;
using testing::TinyModelOptions;

// All logits of a pass over `ids`, [ids, vocab].
std::vector<float> logits_of(const Model& model, const std::vector<TokenId>& ids, KvCache& cache, ThreadPool& pool) {
    const auto vocab = static_cast<std::size_t>(model.config().vocab);
    std::vector<float> logits(ids.size() * vocab, NAN);
    const auto sink = [&](std::int64_t row, std::span<const float> values) {
        std::copy(values.begin(), values.end(),
                  logits.begin() + static_cast<std::ptrdiff_t>(row) * model.config().vocab);
    };
    const auto result = model.forward(ids, cache, LogitRows::kAll, sink, pool);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    return logits;
}

std::vector<float> logits_of(const Model& model, const std::vector<TokenId>& ids, ThreadPool& pool) {
    KvCache cache = *KvCache::create(model.config(), static_cast<std::int64_t>(ids.size()));
    return logits_of(model, ids, cache, pool);
}

// Token by token through the cache.
std::vector<float> stepwise_logits(const Model& model, const std::vector<TokenId>& ids, ThreadPool& pool) {
    KvCache cache = *KvCache::create(model.config(), static_cast<std::int64_t>(ids.size()));
    std::vector<float> all;
    for (const TokenId id : ids) {
        const auto sink = [&](std::int64_t, std::span<const float> values) {
            all.insert(all.end(), values.begin(), values.end());
        };
        EXPECT_TRUE(model.forward({&id, 1}, cache, LogitRows::kLast, sink, pool).ok());
    }
    return all;
}

double max_difference(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
        worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    }
    return worst;
}

Model load(const std::filesystem::path& path, ActType act, ThreadPool& pool) {
    auto model = Model::load(path, act, pool);
    EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
    return std::move(*model);
}

class TinyModelTest : public ::testing::TestWithParam<std::string> {
protected:
    TempFolder folder_;
    ThreadPool pool_{2};
};

TEST_P(TinyModelTest, LogitsEqualTransformers) {
    const auto golden = testing::read_tiny_golden(GetParam());
    ASSERT_TRUE(golden.ok());
    for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
        for (const bool sharded : {false, true}) {
            const auto path =
                testing::write_tiny_model(GetParam(), folder_ / (std::string(dtype_name(dtype)) + (sharded ? "s" : "")),
                                          TinyModelOptions{dtype, sharded});
            ASSERT_TRUE(path.ok()) << path.error().message;
            const Model model = load(*path, ActType::kF32, pool_);
            EXPECT_LE(max_difference(logits_of(model, golden->ids, pool_), golden->logits), 1e-5) << dtype_name(dtype);
        }
    }
}

TEST_P(TinyModelTest, TokenByTokenEqualsPrefill) {
    const auto golden = testing::read_tiny_golden(GetParam());
    const auto path = testing::write_tiny_model(GetParam(), folder_ / "m");
    const Model model = load(*path, ActType::kF32, pool_);
    EXPECT_LE(max_difference(stepwise_logits(model, golden->ids, pool_), golden->logits), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Families, TinyModelTest, ::testing::ValuesIn(testing::tiny_model_names()),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

class OrlikTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() { golden_ = testing::read_orlik_golden().value(); }

    // The largest difference over the sampled logits, log-sum-exp and maximum of every position.
    static double worst_difference(const std::vector<float>& logits, const testing::OrlikWindow& window) {
        const std::size_t vocab = logits.size() / window.ids.size();
        double worst = 0;
        for (std::size_t r = 0; r < window.rows.size(); ++r) {
            const float* row = logits.data() + r * vocab;
            const testing::OrlikRow& golden = window.rows[r];
            for (std::size_t c = 0; c < golden.columns.size(); ++c) {
                worst = std::max<double>(worst, std::abs(row[golden.columns[c]] - golden.logits[c]));
            }
            double sum = 0;
            for (std::size_t i = 0; i < vocab; ++i) sum += std::exp(static_cast<double>(row[i]));
            worst = std::max(worst, std::abs(std::log(sum) - static_cast<double>(golden.log_sum_exp)));
            worst = std::max<double>(worst, std::abs(row[golden.argmax] - golden.max));
        }
        return worst;
    }

    static std::vector<testing::OrlikWindow> golden_;
    ThreadPool pool_{2};
};

std::vector<testing::OrlikWindow> OrlikTest::golden_;

TEST_F(OrlikTest, LogitsEqualTransformers) {
    const Model model = load("models/orlik", ActType::kF32, pool_);
    ASSERT_EQ(golden_.size(), 4u);
    for (const auto& window : golden_) {
        ASSERT_EQ(window.ids.size(), 512u);
        EXPECT_LE(worst_difference(logits_of(model, window.ids, pool_), window), 1e-4);
    }
}

TEST_F(OrlikTest, TokenByTokenEqualsPrefill) {
    const Model model = load("models/orlik", ActType::kF32, pool_);
    const std::vector<TokenId> ids(golden_[0].ids.begin(), golden_[0].ids.begin() + 300);
    EXPECT_LE(max_difference(stepwise_logits(model, ids, pool_), logits_of(model, ids, pool_)), 1e-4);
}

TEST_F(OrlikTest, SameBytesForAnyNumberOfThreads) {
    const auto& ids = golden_[1].ids;
    for (const ActType act : {ActType::kF32, ActType::kBf16}) {
        ThreadPool one(1), three(3);
        const auto a = logits_of(load("models/orlik", act, one), ids, one);
        const auto b = logits_of(load("models/orlik", act, three), ids, three);
        EXPECT_EQ(0, std::memcmp(a.data(), b.data(), a.size() * sizeof(float))) << act_name(act);
    }
}

// A pass in pieces of any size gives what one pass gives: chunking and tiles are not seen in the result.
TEST_F(OrlikTest, PiecewisePrefillEqualsOnePass) {
    const Model model = load("models/orlik", ActType::kF32, pool_);
    const auto& ids = golden_[2].ids;
    const auto whole = logits_of(model, ids, pool_);
    KvCache cache = *KvCache::create(model.config(), 512);
    std::vector<float> pieces;
    for (std::size_t first = 0, size = 1; first < ids.size(); first += size, size = size * 2 + 1) {
        size = std::min(size, ids.size() - first);
        const std::vector<TokenId> part(ids.begin() + static_cast<std::ptrdiff_t>(first),
                                        ids.begin() + static_cast<std::ptrdiff_t>(first + size));
        const auto logits = logits_of(model, part, cache, pool_);
        pieces.insert(pieces.end(), logits.begin(), logits.end());
    }
    EXPECT_LE(max_difference(pieces, whole), 1e-4);
}

// The last layer leaves out rows that nobody reads: what is read, and the cache, must be what a full pass gives.
TEST_F(OrlikTest, LogitsOfTheLastRowEqualThoseOfAllRows) {
    const Model model = load("models/orlik", ActType::kF32, pool_);
    const std::vector<TokenId> ids(golden_[3].ids.begin(), golden_[3].ids.begin() + 301);
    const std::span<const TokenId> all(ids);
    const auto expected = logits_of(model, ids, pool_);
    const auto vocab = static_cast<std::size_t>(model.config().vocab);
    for (const LogitRows first_pass : {LogitRows::kNone, LogitRows::kLast}) {
        KvCache cache = *KvCache::create(model.config(), 301);
        std::vector<float> last;
        std::int64_t row_seen = -1;
        const auto sink = [&](std::int64_t row, std::span<const float> values) {
            row_seen = row;
            last.assign(values.begin(), values.end());
        };
        ASSERT_TRUE(model.forward(all.first(300), cache, first_pass, sink, pool_).ok());
        EXPECT_EQ(row_seen, first_pass == LogitRows::kNone ? -1 : 299);
        if (first_pass == LogitRows::kLast) {
            const auto begin = expected.begin() + 299 * static_cast<std::ptrdiff_t>(vocab);
            EXPECT_LE(max_difference(last, {begin, begin + static_cast<std::ptrdiff_t>(vocab)}), 1e-4);
        }
        ASSERT_TRUE(model.forward(all.subspan(300), cache, LogitRows::kLast, sink, pool_).ok());
        EXPECT_EQ(row_seen, 0);
        const auto begin = expected.end() - static_cast<std::ptrdiff_t>(vocab);
        EXPECT_LE(max_difference(last, {begin, expected.end()}), 1e-4);
    }
}

TEST_F(OrlikTest, Bf16ActivationsStayNear) {
    const Model model = load("models/orlik", ActType::kBf16, pool_);
    if (!model.head().kernel().fallback_reason.empty()) GTEST_SKIP() << model.head().kernel().fallback_reason;
    EXPECT_EQ(model.head().kernel().prompt_name.find("dense_gemm_bf16_"), 0u);
    EXPECT_EQ(model.head().kernel().name.find("dense_gemv_bf16_bf16_"), 0u);
    const double worst = worst_difference(logits_of(model, golden_[0].ids, pool_), golden_[0]);
    EXPECT_LE(worst, 0.5);
    EXPECT_GT(worst, 1e-4) << "these are float32 results";
}

TEST(Model, ForwardRefusesWhatItCannotRun) {
    ThreadPool pool(1);
    const Model model = load("models/orlik", ActType::kF32, pool);
    KvCache cache = *KvCache::create(model.config(), 4);
    const auto run = [&](std::vector<TokenId> ids) {
        return model.forward(
            ids, cache, LogitRows::kNone, [](std::int64_t, std::span<const float>) {}, pool);
    };
    EXPECT_NE(run({1, 4096}).error().message.find("token id 4096 at place 1"), std::string::npos);
    EXPECT_NE(run({-1}).error().message.find("token id -1 at place 0"), std::string::npos);
    EXPECT_NE(run({1, 2, 3, 4, 5}).error().message.find("context of 4"), std::string::npos);
    EXPECT_EQ(cache.length(), 0);
    EXPECT_TRUE(run({1, 2, 3, 4}).ok());
    EXPECT_TRUE(run({}).ok());
    EXPECT_FALSE(run({1}).ok());
}

TEST(KvCache, ImpossibleSizeIsAnError) {
    ModelConfig config;
    config.layers = 50, config.kv_heads = 8, config.head_dim = 128;
    const auto cache = KvCache::create(config, std::int64_t{1} << 50);
    ASSERT_FALSE(cache.ok());
    EXPECT_EQ(cache.error().kind, ErrorKind::kOutOfMemory);
}

TEST(Linear, NamesItsKernelAndWhyItFellBack) {
    const DenseKernel rounded = choose_dense_kernel(DType::kF32, ActType::kBf16);
    EXPECT_EQ(rounded.type, GemmType::kF32);
    EXPECT_NE(rounded.info.fallback_reason.find("F32"), std::string::npos);
    const DenseKernel plain = choose_dense_kernel(DType::kBf16, ActType::kF32);
    EXPECT_TRUE(plain.info.fallback_reason.empty());
    EXPECT_EQ(plain.info.prompt_name.find("dense_gemm_f32_"), 0u);
    EXPECT_EQ(plain.info.name, std::string("dense_gemv_bf16_f32_") + std::string(isa_name(active_isa().isa)));
}

}  // namespace
}  // namespace dwubit
