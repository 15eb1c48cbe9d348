// A layer over sequences in units, against the layer over each sequence alone.
#include "lab/calib/layer_pass.h"
#include "hessians/site_features.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "lab/failure.h"
#include "lab/hessian/hessian.h"
#include "lab/torch_compat.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"

namespace dwubit::lab {
namespace {

using testing::TempFolder;

class LayerPassTest : public ::testing::Test {
protected:
    void SetUp() override {
        configure_torch();
        const auto path = testing::write_tiny_model("qwen3", folder_ / "m");
        ASSERT_TRUE(path.ok());
        directory_ = unwrap(open_hf_dir(*path));
        config_ = unwrap(read_model_config(directory_.config, nullptr));
    }

    // [sequences, length, hidden]: every sequence another piece of the vocabulary.
    at::Tensor embedded(const Decoder& decoder, std::int64_t sequences, std::int64_t length) const {
        std::vector<TokenId> ids;
        for (std::int64_t i = 0; i < sequences * length; ++i) {
            ids.push_back(static_cast<TokenId>((i * i + 7 * i) % config_.vocab));
        }
        return decoder.embed(ids).view({sequences, length, config_.hidden});
    }

    struct Found {
        at::Tensor output;
        std::vector<Hessian> hessians;
        std::vector<SiteResult> results;
    };

    static Found run(const Decoder& decoder, const at::Tensor& input, int threads) {
        ThreadPool pool(threads);
        LayerPass pass(decoder, input.size(0), input.size(1), pool);
        Found found{at::empty_like(input), {}, {}};
        std::int64_t last = 0;
        found.results = pass.run(decoder.load_layer(0), static_cast<const std::byte*>(input.data_ptr()),
                                 static_cast<std::byte*>(found.output.data_ptr()), [&](std::int64_t done) {
                                     EXPECT_GT(done, last);
                                     last = done;
                                 });
        EXPECT_EQ(last, input.size(0));
        for (const SiteResult& result : found.results) found.hessians.push_back(result.sum.finish(pool));
        return found;
    }

    TempFolder folder_;
    HfDir directory_;
    ModelConfig config_;
};

TEST_F(LayerPassTest, EqualsSequencesOneByOne) {
    const std::int64_t sequences = 7;
    const std::int64_t length = 700;  // 5 to a unit, one to a batch
    const Decoder decoder(directory_, config_, length, at::kCPU, at::kFloat);
    const at::Tensor input = embedded(decoder, sequences, length);
    const Found found = run(decoder, input, 2);

    const DecoderLayer layer = decoder.load_layer(0);
    std::vector<at::Tensor> sums(std::size(kSites));
    for (std::int64_t s = 0; s < sequences; ++s) {
        const at::Tensor y = decoder.forward(layer, input.narrow(0, s, 1), [&](Site site, const at::Tensor& x) {
            const at::Tensor wide = x.to(at::kDouble);
            at::Tensor& sum = sums[static_cast<std::size_t>(site)];
            const at::Tensor products = at::mm(wide.t(), wide);
            sum = sum.defined() ? sum + products : products;
        });
        EXPECT_LE((y - found.output.narrow(0, s, 1)).abs().max().item<double>(), 1e-5);
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const Hessian& hessian = found.hessians[i];
        ASSERT_EQ(hessian.n, site_features(config_, kSites[i]));
        EXPECT_EQ(hessian.ct, sequences * length);
        const at::Tensor expected = sums[i] / static_cast<double>(sequences * length);
        const double scale = expected.diagonal().max().item<double>();
        for (std::int64_t r = 0; r < hessian.n; ++r) {
            for (std::int64_t c = 0; c <= r; ++c) {
                ASSERT_NEAR(hessian.triangle[static_cast<std::size_t>(r * (r + 1) / 2 + c)],
                            expected[r][c].item<double>(), 2e-6 * scale);
            }
        }
    }
}

TEST_F(LayerPassTest, SameBytesForAnyNumberOfThreads) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
        const Decoder decoder(directory_, config_, 300, at::kCPU, dtype);
        const at::Tensor input = embedded(decoder, 40, 300);
        const Found one = run(decoder, input, 1);
        for (const int threads : {2, 5}) {
            const Found many = run(decoder, input, threads);
            EXPECT_EQ(0, std::memcmp(one.output.data_ptr(), many.output.data_ptr(), one.output.nbytes()));
            for (std::size_t i = 0; i < one.hessians.size(); ++i) {
                EXPECT_EQ(one.hessians[i].triangle, many.hessians[i].triangle);
                EXPECT_EQ(one.hessians[i].mu, many.hessians[i].mu);
            }
        }
    }
}

TEST_F(LayerPassTest, AGpuAgreesWithTheCpu) {
    if (!at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
    const at::Device gpu = parse_device("cuda");
    const Decoder on_cpu(directory_, config_, 300, at::kCPU, at::kFloat);
    const Decoder on_gpu(directory_, config_, 300, gpu, at::kFloat);
    const at::Tensor input = embedded(on_cpu, 70, 300);  // two units of a GPU
    EXPECT_TRUE(
        at::equal(on_gpu.embed(std::vector<TokenId>{3, 1, 4}).cpu(), on_cpu.embed(std::vector<TokenId>{3, 1, 4})));
    const Found expected = run(on_cpu, input, 2);
    const Found found = run(on_gpu, input, 2);
    EXPECT_TRUE(at::allclose(found.output, expected.output, 1e-4, 1e-4));
    for (std::size_t i = 0; i < expected.hessians.size(); ++i) {
        const at::Tensor a = symmetric_matrix(expected.hessians[i]);
        EXPECT_LE((symmetric_matrix(found.hessians[i]) - a).abs().max().item<double>(),
                  1e-5 * a.abs().max().item<double>());
    }
    EXPECT_EQ(run(on_gpu, input, 5).hessians.back().triangle, found.hessians.back().triangle);
}

TEST_F(LayerPassTest, NamesTheFirstRowThatIsNotFinite) {
    const std::int64_t length = 100;  // 40 to a unit
    const Decoder decoder(directory_, config_, length, at::kCPU, at::kFloat);
    at::Tensor input = embedded(decoder, 90, length);
    const Found good = run(decoder, input, 2);
    input[83][98][2] = std::numeric_limits<float>::quiet_NaN();
    input[44][97][0] = std::numeric_limits<float>::infinity();
    const Found found = run(decoder, input, 2);
    const SiteResult& qkv = found.results.front();
    ASSERT_TRUE(qkv.first_nonfinite.has_value());
    EXPECT_EQ(qkv.first_nonfinite->sequence, 44);
    EXPECT_EQ(qkv.first_nonfinite->position, 97);
    EXPECT_EQ(qkv.sum.nonfinite(), 2);
    EXPECT_EQ(qkv.sum.rows(), 90 * length - 2);
    // Later positions of those sequences attend to them; nothing else does.
    const SiteResult& down = found.results.back();
    EXPECT_EQ(down.sum.nonfinite(), 3 + 2);
    EXPECT_TRUE(at::allclose(good.output[43], found.output[43], 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(good.output[44].narrow(0, 0, 97), found.output[44].narrow(0, 0, 97), 1e-5, 1e-5));
    EXPECT_FALSE(good.results.front().first_nonfinite.has_value());
}

TEST_F(LayerPassTest, ErrorsOfTheCallerEndThePass) {
    const Decoder decoder(directory_, config_, 100, at::kCPU, at::kFloat);
    const at::Tensor input = embedded(decoder, 90, 100);
    ThreadPool pool(1);
    LayerPass pass(decoder, 90, 100, pool);
    const auto stop = [](std::int64_t) { fail(ErrorKind::kInterrupted, "stop"); };
    EXPECT_THROW(pass.run(decoder.load_layer(0), static_cast<const std::byte*>(input.data_ptr()), nullptr, stop),
                 Failure);
}

// orlik: 6 layers, 512, 1792, 8/2 heads of 64; worked out by hand.
TEST(LayerPass, OperationsOfOrlik) {
    ModelConfig config;
    config.hidden = 512, config.intermediate = 1792, config.heads = 8, config.kv_heads = 2, config.head_dim = 64;
    const double linears = 2.0 * (512 * 512 * 2 + 512 * 128 * 2 + 3 * 512 * 1792);
    const double attention = 2.0 * 2 * 512 * 512.5;
    const double hessians = 2.0 * (3 * 512 * 512 + 1792 * 1792);
    EXPECT_DOUBLE_EQ(LayerPass::operations(config, 3, 1024), 3 * 1024 * (linears + attention + hessians));
}

}  // namespace
}  // namespace dwubit::lab
