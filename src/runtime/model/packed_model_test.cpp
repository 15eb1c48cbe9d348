// A model with packed linears against its dense twin: the same values in another form.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/atomic_file.h"
#include "runtime/model/model.h"
#include "support/packed_model.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"

namespace dwubit {
namespace {

using testing::PackedModel;
using testing::PackedModelOptions;
using testing::TempFolder;

Json params_of(int bits, std::int64_t group, const char* grid, bool perm) {
    return {{"bits", bits}, {"group", group}, {"grid", grid}, {"perm", perm}};
}

std::vector<float> logits_of(const Model& model, const std::vector<TokenId>& ids, ThreadPool& pool) {
    KvCache cache = *KvCache::create(model.config(), static_cast<std::int64_t>(ids.size()));
    const auto vocab = static_cast<std::size_t>(model.config().vocab);
    std::vector<float> logits(ids.size() * vocab, NAN);
    const auto sink = [&](std::int64_t row, std::span<const float> values) {
        std::copy(values.begin(), values.end(), logits.begin() + row * model.config().vocab);
    };
    EXPECT_TRUE(model.forward(ids, cache, LogitRows::kAll, sink, pool).ok());
    return logits;
}

// The largest difference over the largest magnitude.
double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double worst = 0;
    double scale = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
        worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
        scale = std::max(scale, std::abs(static_cast<double>(b[i])));
    }
    return worst / scale;
}

class PackedModelTest : public ::testing::TestWithParam<std::string> {
protected:
    PackedModel make(const PackedModelOptions& options) {
        const auto source = testing::write_tiny_model(GetParam(), folder_ / "source").value();
        auto made = testing::write_packed_model(source, folder_ / std::to_string(count_++), options);
        EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
        return *made;
    }

    Model load(const std::filesystem::path& path) {
        auto model = Model::load(path, ActType::kF32, pool_);
        EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
        return std::move(*model);
    }

    TempFolder folder_;
    ThreadPool pool_{2};
    int count_ = 0;
};

TEST_P(PackedModelTest, LogitsEqualThoseOfTheDenseTwin) {
    const std::vector<TokenId> ids = testing::read_tiny_golden(GetParam())->ids;
    for (const PackedModelOptions& options : {PackedModelOptions{params_of(2, 32, "zero", false)},
                                              PackedModelOptions{params_of(3, 40, "mirror", true), true, true, true},
                                              PackedModelOptions{params_of(4, 48, "zero", true), true},
                                              PackedModelOptions{params_of(8, 80, "mirror", false), false, true}}) {
        SCOPED_TRACE(dump_json(options.params));
        const PackedModel twins = make(options);
        const Model packed = load(twins.packed);
        EXPECT_EQ(packed.layers()[0].q.kernel().name, "uniform_group_gemm_f32_ref");
        EXPECT_EQ(packed.layers()[1].down.kernel().name.starts_with("uniform_group"), !options.skip_down);
        EXPECT_LE(relative_difference(logits_of(packed, ids, pool_), logits_of(load(twins.dense), ids, pool_)), 1e-5);
    }
}

TEST_P(PackedModelTest, SameBytesForAnyNumberOfThreads) {
    const std::vector<TokenId> ids = testing::read_tiny_golden(GetParam())->ids;
    const PackedModel twins = make({params_of(2, 32, "zero", true)});
    const Model model = load(twins.packed);
    ThreadPool one(1);
    ThreadPool three(3);
    const auto a = logits_of(model, ids, one);
    const auto b = logits_of(model, ids, three);
    EXPECT_EQ(0, std::memcmp(a.data(), b.data(), a.size() * sizeof(float)));
}

INSTANTIATE_TEST_SUITE_P(Families, PackedModelTest, ::testing::ValuesIn(testing::tiny_model_names()),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

// Loading a dwubit directory whose config.json was changed by `change`, or which lacks nothing.
class BrokenPackedModelTest : public ::testing::Test {
protected:
    void SetUp() override {
        const auto source = testing::write_tiny_model("mistral", folder_ / "source").value();
        path_ = testing::write_packed_model(source, folder_ / "m", {params_of(2, 32, "zero", true)})->packed;
        config_ = read_json_file(path_ / "config.json").value();
    }

    Error load_error() {
        EXPECT_TRUE(write_file_atomically(path_ / "config.json", dump_json(config_)).ok());
        const auto model = Model::load(path_, ActType::kF32, pool_);
        EXPECT_FALSE(model.ok());
        return model.ok() ? Error() : model.error();
    }

    Json& module(const char* name = "model.layers.0.mlp.up_proj") {
        return config_["quantization_config"]["modules"][name];
    }

    TempFolder folder_;
    ThreadPool pool_{1};
    std::filesystem::path path_;
    Json config_;
};

std::string text_of(const Error& error) {
    std::string text = error.message;
    for (const std::string& line : error.context) text += "\n" + line;
    return text;
}

TEST_F(BrokenPackedModelTest, ConfigThatDoesNotFitIsRefusedByName) {
    const Json good = config_;
    const struct {
        const char* what;
        std::function<void()> change;
        ErrorKind kind;
        std::vector<const char*> expected;
    } cases[] = {
        {"format",
         [&] { module()["format"] = "uniform_grup"; },
         ErrorKind::kNotFound,
         {"uniform_grup", "module 'model.layers.0.mlp.up_proj'"}},
        {"version", [&] { module()["format_version"] = 2; }, ErrorKind::kUnsupported, {"version 2"}},
        {"bits", [&] { module()["params"]["bits"] = 5; }, ErrorKind::kInvalidInput, {"'bits'", "up_proj"}},
        {"other bits",
         [&] { module()["params"]["bits"] = 3; },
         ErrorKind::kInvalidInput,
         {"model.layers.0.mlp.up_proj.codes", "shape"}},
        {"transform",
         [&] {
             module()["in"] = {{"transform", "rht"}};
         },
         ErrorKind::kUnsupported,
         {"transform 'rht'", "up_proj"}},
        {"fused",
         [&] {
             config_["quantization_config"]["fused"] = {{"qkv", {"q"}}};
         },
         ErrorKind::kUnsupported,
         {"'fused'", "'qkv'"}},
        {"name",
         [&] { module("model.layers.7.mlp.up_proj") = module(); },
         ErrorKind::kInvalidInput,
         {"'model.layers.7.mlp.up_proj'", "no linear"}},
        {"dense",
         [&] { config_["quantization_config"]["modules"].erase("model.layers.0.mlp.up_proj"); },
         ErrorKind::kNotFound,
         {"'model.layers.0.mlp.up_proj.weight'"}},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.what);
        config_ = good;
        c.change();
        const Error error = load_error();
        EXPECT_EQ(error.kind, c.kind) << text_of(error);
        for (const char* text : c.expected) EXPECT_NE(text_of(error).find(text), std::string::npos) << text_of(error);
        EXPECT_LE(error.context.size(), 4u);
    }
}

// One byte of the file changed: the first scale becomes infinite, an index of a permutation comes twice.
TEST_F(BrokenPackedModelTest, BytesThatMakeNoSenseAreRefusedByName) {
    const auto file = path_ / "model.safetensors";
    const std::string good = read_file(file).value();
    const TensorTable table = open_hf_dir(path_)->tensors;
    const auto offset_of = [&](const char* name) {
        const TensorView& tensor = **table.require(name);
        return good.find(std::string_view(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()));
    };
    std::string bad = good;
    const std::size_t scales = offset_of("model.layers.1.self_attn.q_proj.scales");
    bad[scales] = 0x00, bad[scales + 1] = 0x7c;
    ASSERT_TRUE(write_file_atomically(file, bad).ok());
    EXPECT_NE(text_of(load_error()).find("model.layers.1.self_attn.q_proj.scales"), std::string::npos);

    bad = good;
    const std::size_t perm = offset_of("model.layers.1.self_attn.q_proj.perm");
    bad[perm] = bad[perm + 2], bad[perm + 1] = bad[perm + 3];
    ASSERT_TRUE(write_file_atomically(file, bad).ok());
    const std::string text = text_of(load_error());
    EXPECT_NE(text.find("'perm' is no permutation of 48 channels: element 1"), std::string::npos) << text;
    EXPECT_NE(text.find("model.safetensors: module 'model.layers."), std::string::npos) << text;
}

TEST(PackedKernel, SaysWhyItIsNotTheOneAskedFor) {
    const Format& format = **find_format("uniform_group", 1);
    const Json params = {{"bits", 2}, {"group", 40}, {"grid", "zero"}, {"perm", false}};
    for (const ActType act : {ActType::kInt8x2, ActType::kInt8}) {
        const KernelInfo info = choose_packed_kernel(format, act, params, {64, 256}).info;
        EXPECT_FALSE(info.fallback_reason.empty());
    }
    const Json plain = {{"bits", 2}, {"group", 128}, {"grid", "zero"}, {"perm", false}};
    EXPECT_EQ(choose_packed_kernel(format, ActType::kF32, plain, {64, 256}).info.fallback_reason, "");
}

}  // namespace
}  // namespace dwubit
