// The decoder in libtorch against logits of Hugging Face transformers, and what its sites see.
#include "lab/model/decoder.h"
#include "hessians/site_features.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lab/failure.h"
#include "lab/torch_compat.h"
#include "support/orlik_golden.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"

namespace dwubit::lab {
namespace {

using testing::TempFolder;

struct Opened {
    HfDir directory;
    ModelConfig config;
};

Opened open(const std::filesystem::path& path) {
    configure_torch();
    Opened opened;
    opened.directory = unwrap(open_hf_dir(path));
    opened.config = unwrap(read_model_config(opened.directory.config, nullptr));
    unwrap(check_tensors(opened.config, opened.directory.tensors));
    return opened;
}

void ignore(Site, const at::Tensor&) {}

// Logits [ids * copies, vocab] of `copies` times the same sequence.
at::Tensor logits_of(const Opened& model, const std::vector<TokenId>& ids, std::int64_t copies, at::ScalarType dtype) {
    const auto length = static_cast<std::int64_t>(ids.size());
    const Decoder decoder(model.directory, model.config, length, at::kCPU, dtype);
    at::Tensor x = decoder.embed(ids).unsqueeze(0).repeat({copies, 1, 1});
    for (std::int64_t layer = 0; layer < model.config.layers; ++layer) {
        x = decoder.forward(decoder.load_layer(layer), x, ignore);
    }
    return decoder.logits(x.reshape({copies * length, model.config.hidden}));
}

at::Tensor golden_logits(const testing::TinyGolden& golden) {
    return at::from_blob(const_cast<float*>(golden.logits.data()),
                         {static_cast<std::int64_t>(golden.ids.size()), golden.vocab}, at::kFloat)
        .clone();
}

double worst(const at::Tensor& a, const at::Tensor& b) {
    const double difference = (a - b).abs().max().item<double>();
    return std::isnan(difference) ? INFINITY : difference;
}

class TinyDecoder : public ::testing::TestWithParam<std::string> {
protected:
    TempFolder folder_;
};

TEST_P(TinyDecoder, LogitsEqualTransformers) {
    const auto golden = testing::read_tiny_golden(GetParam());
    ASSERT_TRUE(golden.ok());
    const at::Tensor expected = golden_logits(*golden);
    for (const DType stored : {DType::kF32, DType::kBf16, DType::kF16}) {
        const auto path = testing::write_tiny_model(GetParam(), folder_ / dtype_name(stored), {stored, false});
        const Opened model = open(*path);
        EXPECT_LE(worst(logits_of(model, golden->ids, 1, at::kFloat), expected), 1e-4) << dtype_name(stored);
    }
}

// Rows of a batch do not see each other.
TEST_P(TinyDecoder, BatchesOfSequences) {
    const auto golden = testing::read_tiny_golden(GetParam());
    const Opened model = open(*testing::write_tiny_model(GetParam(), folder_ / "m"));
    const at::Tensor expected = golden_logits(*golden).repeat({3, 1});
    EXPECT_LE(worst(logits_of(model, golden->ids, 3, at::kFloat), expected), 1e-4);
}

TEST_P(TinyDecoder, Bfloat16StaysNear) {
    const auto golden = testing::read_tiny_golden(GetParam());
    const Opened model = open(*testing::write_tiny_model(GetParam(), folder_ / "m"));
    const at::Tensor expected = golden_logits(*golden);
    const double error = worst(logits_of(model, golden->ids, 1, at::kBFloat16), expected);
    const double largest = expected.abs().max().item<double>();
    EXPECT_LE(error, 0.05 * largest);
    EXPECT_GT(error, 1e-4) << "these are float32 results";
}

INSTANTIATE_TEST_SUITE_P(Families, TinyDecoder, ::testing::ValuesIn(testing::tiny_model_names()), [](const auto& test) {
    std::string name = test.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

// Windows of 512 are longer than a block of queries.
TEST(Decoder, LogitsOfOrlikEqualTransformers) {
    const Opened model = open("models/orlik");
    const auto golden = testing::read_orlik_golden();
    ASSERT_TRUE(golden.ok());
    const testing::OrlikWindow& window = golden->front();
    const at::Tensor logits = logits_of(model, window.ids, 1, at::kFloat);
    const at::Tensor sums = at::logsumexp(logits, {-1});
    double error = 0;
    for (std::size_t r = 0; r < window.rows.size(); ++r) {
        const testing::OrlikRow& row = window.rows[r];
        const float* const found = logits.data_ptr<float>() + static_cast<std::int64_t>(r) * logits.size(1);
        for (std::size_t c = 0; c < row.columns.size(); ++c) {
            error = std::max<double>(error, std::abs(found[row.columns[c]] - row.logits[c]));
        }
        error = std::max<double>(error, std::abs(sums.data_ptr<float>()[r] - row.log_sum_exp));
    }
    EXPECT_LE(error, 1e-4);
}

at::Tensor linear(const at::Tensor& x, const LinearWeight& w) {
    const at::Tensor product = at::mm(x, w.weight.t());
    return w.bias.defined() ? product + w.bias : product;
}

// The linears of a layer, applied to what their sites saw, give the layer's output again.
TEST(Decoder, SitesSeeTheInputsOfTheirLinears) {
    TempFolder folder;
    const auto golden = testing::read_tiny_golden("llama");
    const Opened model = open(*testing::write_tiny_model("llama", folder / "m"));
    const auto length = static_cast<std::int64_t>(golden->ids.size());
    const Decoder decoder(model.directory, model.config, length, at::kCPU, at::kFloat);
    const DecoderLayer layer = decoder.load_layer(0);
    const at::Tensor x = decoder.embed(golden->ids).unsqueeze(0);
    std::vector<Site> order;
    std::map<Site, at::Tensor> seen;
    const at::Tensor y = decoder.forward(layer, x, [&](Site site, const at::Tensor& input) {
        order.push_back(site);
        EXPECT_EQ(input.sizes(), (std::vector<std::int64_t>{length, site_features(model.config, site)}));
        seen[site] = input.clone();
    });
    EXPECT_EQ(order, (std::vector<Site>{Site::kQkv, Site::kO, Site::kUp, Site::kDown}));
    const at::Tensor middle = x.squeeze(0) + linear(seen[Site::kO], layer.o);
    EXPECT_LE(worst(y.squeeze(0), middle + linear(seen[Site::kDown], layer.down)), 1e-5);
    const at::Tensor gate = at::silu(linear(seen[Site::kUp], layer.gate));
    EXPECT_LE(worst(seen[Site::kDown], gate * linear(seen[Site::kUp], layer.up)), 1e-6);
    const at::Tensor scale = (x.squeeze(0).square().mean(-1, true) + model.config.rms_norm_eps).rsqrt();
    EXPECT_LE(worst(seen[Site::kQkv], x.squeeze(0) * scale * layer.attention_norm), 1e-5);
}

TEST(Decoder, RefusesWhatNeedsASlidingWindow) {
    TempFolder folder;
    Opened model = open(*testing::write_tiny_model("mistral", folder / "m"));
    model.config.full_attention_limit = 16;
    EXPECT_NO_THROW(Decoder(model.directory, model.config, 16, at::kCPU, at::kFloat));
    try {
        const Decoder decoder(model.directory, model.config, 17, at::kCPU, at::kFloat);
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.error().kind, ErrorKind::kUnsupported);
        EXPECT_NE(failure.error().message.find("17 tokens"), std::string::npos) << failure.error().message;
        EXPECT_NE(failure.error().hint.find("--length 16"), std::string::npos);
    }
}

}  // namespace
}  // namespace dwubit::lab
