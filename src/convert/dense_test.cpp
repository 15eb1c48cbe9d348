#include "convert/dense.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/float16.h"
#include "base/sha256.h"
#include "checkpoint/hf_dir.h"
#include "checkpoint/quantization_config.h"
#include "checkpoint/safetensors_writer.h"
#include "eval/divergence.h"
#include "runtime/formats/format.h"
#include "support/packed_model.h"
#include "support/random_codes.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

struct Packed {
    fs::path folder;
    std::map<std::string, std::vector<float>> matrices;       // weight -> values
    std::map<std::string, std::vector<std::byte>> unchanged;  // tensor -> bytes, BF16
    std::vector<TokenId> ids;
};

// "model.layers.1.mlp.up_proj" of "model.layers.1.mlp.up_proj.weight"; empty for what stays as it is.
std::string linear_of(const std::string& name) {
    constexpr std::string_view kEnd = "_proj.weight";
    return name.ends_with(kEnd) ? name.substr(0, name.size() - std::string_view(".weight").size()) : "";
}

// Layer 1 is permuted and on another grid, with more bits.
Json params_of(const std::string& module) {
    const bool second = module.find("layers.1.") != std::string::npos;
    return {{"bits", second ? 3 : 2}, {"group", 32}, {"grid", second ? "zero" : "mirror"}, {"perm", second}};
}

PackedTensor random_packed(const Format& format, const std::string& module, const Shape& shape, float scale) {
    const Json params = format.check_params(params_of(module), shape).value();
    Codes codes = testing::random_codes(format, params, shape, std::hash<std::string>()(module));
    auto scales = codes.find("scales")->as<std::uint16_t>();
    std::fill(scales.begin(), scales.end(), to_f16(0.03125f).bits);
    scales.front() = to_f16(scale).bits;
    return format.pack(codes).value();
}

// The tiny model `name` with its layers' linears replaced by random codes, as a dwubit directory. `scale` is the first
// one of each matrix.
Packed write_packed(const TempFolder& root, const std::string& name, float scale = 0.03125f,
                    const std::vector<TensorToWrite>& more = {}) {
    const auto golden = testing::read_tiny_golden(name).value();
    const Format& format = *find_format("uniform_group", 1).value();
    Packed result{root / "packed", {}, {}, {golden.ids.begin(), golden.ids.end()}};
    QuantizationConfig quantization;
    std::vector<PackedTensor> packed;
    packed.reserve(golden.tensors.size());
    std::vector<TensorToWrite> out = more;
    for (const auto& tensor : golden.tensors) {
        const std::string module = linear_of(tensor.name);
        if (module.empty()) {
            auto& bytes = result.unchanged[tensor.name];
            for (const float value : testing::tiny_tensor_values(tensor)) {
                const Bf16 stored = to_bf16(value);
                const auto* const first = reinterpret_cast<const std::byte*>(&stored);
                bytes.insert(bytes.end(), first, first + sizeof(stored));
            }
            out.push_back({tensor.name, DType::kBf16, tensor.shape, bytes});
            continue;
        }
        packed.push_back(random_packed(format, module, tensor.shape, scale));
        for (const Field& buffer : packed.back().buffers) {
            out.push_back({module + "." + buffer.name, buffer.dtype, buffer.shape, buffer.bytes});
        }
        quantization.modules[module] = {packed.back().format, packed.back().version, packed.back().params, {}, {}};
        auto& values = result.matrices[tensor.name];
        values.resize(static_cast<std::size_t>(tensor.shape[0] * tensor.shape[1]));
        format.bind(view_of(packed.back()))->get()->dequantize(0, tensor.shape[0], values.data());
    }
    Json config = golden.config;
    config["torch_dtype"] = "bfloat16";
    config["quantization_config"] = to_json(quantization);
    root.write("packed/config.json", dump_json(config));
    EXPECT_TRUE(write_safetensors(result.folder / "model.safetensors", out).ok());
    return result;
}

template <class T>
std::vector<std::byte> bytes_of(const std::vector<float>& values, T (*round)(float)) {
    std::vector<std::byte> bytes(values.size() * sizeof(T));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const T stored = round(values[i]);
        std::memcpy(bytes.data() + i * sizeof(T), &stored, sizeof(T));
    }
    return bytes;
}

std::vector<std::byte> bytes_as(DType dtype, const std::vector<float>& values) {
    if (dtype == DType::kBf16) return bytes_of<Bf16>(values, to_bf16);
    if (dtype == DType::kF16) return bytes_of<F16>(values, to_f16);
    return bytes_of<float>(values, [](float x) { return x; });
}

TEST(ExportDense, EveryDtypeOfEveryTensor) {
    ThreadPool pool(2);
    for (const char* name : {"llama", "qwen2"}) {  // biases; a tied head and three layers
        const TempFolder root;
        const Packed packed = write_packed(root, name);
        for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
            const auto done = export_dense(packed.folder, root / "dense", {.dtype = dtype, .overwrite = true}, pool);
            ASSERT_TRUE(done.ok()) << done.error().message;
            EXPECT_EQ(done->dequantized, static_cast<std::int64_t>(packed.matrices.size()));
            EXPECT_EQ(done->tensors, static_cast<std::int64_t>(packed.matrices.size() + packed.unchanged.size()));
            const auto dense = open_hf_dir(root / "dense");
            ASSERT_TRUE(dense.ok()) << dense.error().message;
            EXPECT_FALSE(dense->config.contains("quantization_config"));
            EXPECT_EQ(dense->config["torch_dtype"], std::string(dense_dtype_name(dtype)));
            EXPECT_EQ(dense->tensors.tensors().size(), packed.matrices.size() + packed.unchanged.size());
            for (const auto& [tensor, values] : packed.matrices) {
                const TensorView* const found = dense->tensors.find(tensor);
                ASSERT_NE(found, nullptr) << tensor;
                EXPECT_EQ(found->dtype, dtype);
                EXPECT_TRUE(std::ranges::equal(found->bytes, bytes_as(dtype, values))) << tensor;
            }
            for (const auto& [tensor, bytes] : packed.unchanged) {
                const TensorView* const found = dense->tensors.find(tensor);
                ASSERT_NE(found, nullptr) << tensor;
                EXPECT_EQ(found->dtype, DType::kBf16);
                EXPECT_TRUE(std::ranges::equal(found->bytes, bytes)) << tensor;
            }
        }
    }
}

// Against a twin that the test support wrote: modules named by patterns, some linears dense, the head packed.
TEST(ExportDense, AllThatADirectoryMayHave) {
    ThreadPool pool(2);
    const Json params = {{"bits", 4}, {"group", 32}, {"grid", "zero"}, {"perm", true}};
    const std::vector<testing::PackedModelOptions> all = {{.params = params, .patterns = true},
                                                          {.params = params, .skip_down = true},
                                                          {.params = params, .patterns = true, .skip_down = true},
                                                          {.params = params, .pack_head = true}};
    for (const auto& options : all) {
        const TempFolder root;
        const auto from = testing::write_tiny_model("llama", root / "model", {.dtype = DType::kF32});
        ASSERT_TRUE(from.ok());
        const auto made = testing::write_packed_model(*from, root / "made", options);
        ASSERT_TRUE(made.ok()) << made.error().message;
        const auto done = export_dense(made->packed, root / "dense", {}, pool);
        ASSERT_TRUE(done.ok()) << done.error().message;
        EXPECT_EQ(done->dequantized, options.skip_down ? 12 : options.pack_head ? 15 : 14);
        const auto expected = open_hf_dir(made->dense), found = open_hf_dir(root / "dense");
        ASSERT_TRUE(expected.ok() && found.ok());
        ASSERT_EQ(found->tensors.tensors().size(), expected->tensors.tensors().size());
        for (const auto& [name, tensor] : expected->tensors.tensors()) {
            const TensorView* const other = found->tensors.find(name);
            ASSERT_NE(other, nullptr) << name;
            EXPECT_EQ(other->dtype, tensor.dtype) << name;
            EXPECT_TRUE(std::ranges::equal(other->bytes, tensor.bytes)) << name;
        }
    }
}

TEST(ExportDense, TwinComputesTheSame) {
    ThreadPool pool(2);
    for (const char* name : {"llama", "qwen2"}) {
        const TempFolder root;
        const Packed packed = write_packed(root, name);
        ASSERT_TRUE(export_dense(packed.folder, root / "dense", {}, pool).ok());
        const auto model = Model::load(packed.folder, ActType::kF32, pool);
        const auto twin = Model::load(root / "dense", ActType::kF32, pool);
        ASSERT_TRUE(model.ok() && twin.ok());
        std::vector<TokenId> ids;
        for (int i = 0; i < 4; ++i) ids.insert(ids.end(), packed.ids.begin(), packed.ids.end());
        const auto length = static_cast<std::int64_t>(ids.size());
        auto source = ModelLogitSource::create(*model, length, pool);
        auto base = ModelLogitSource::create(*twin, length, pool);
        auto again = ModelLogitSource::create(*twin, length, pool);
        ASSERT_TRUE(source.ok() && base.ok() && again.ok());
        const auto found = measure_divergence(*source, *base, *again, ids, {.window = 16});
        ASSERT_TRUE(found.ok()) << found.error().message;
        EXPECT_LT(found->divergence.mean, 1e-6);
        EXPECT_LT(found->divergence.max, 1e-6);
        EXPECT_EQ(found->divergence.same_top1, 1);
    }
}

TEST(ExportDense, RoundingThatOverflowsNamesTensorAndPlace) {
    ThreadPool pool(1);
    const TempFolder root;
    const Packed packed = write_packed(root, "llama", 60000);
    const auto done = export_dense(packed.folder, root / "new/dense", {.dtype = DType::kF16}, pool);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().kind, ErrorKind::kInvalidInput);
    EXPECT_NE(done.error().message.find("model.layers.0."), std::string::npos) << done.error().message;
    EXPECT_NE(done.error().message.find("at [0, "), std::string::npos) << done.error().message;
    EXPECT_NE(done.error().message.find("float16"), std::string::npos) << done.error().message;
    EXPECT_FALSE(fs::exists(root / "new"));
    EXPECT_TRUE(export_dense(packed.folder, root / "new/dense", {}, pool).ok());
}

TEST(ExportDense, PackedAndPlainAtOnceIsRefused) {
    ThreadPool pool(1);
    const TempFolder root;
    const std::vector<std::byte> zeros(2 * 48 * 48);
    const std::string name = "model.layers.1.self_attn.q_proj.weight";
    const Packed packed = write_packed(root, "llama", 0.03125f, {{name, DType::kBf16, {48, 48}, zeros}});
    const auto done = export_dense(packed.folder, root / "dense", {}, pool);
    ASSERT_FALSE(done.ok());
    EXPECT_NE(done.error().message.find(name), std::string::npos);
    EXPECT_FALSE(fs::exists(root / "dense"));
}

TEST(ExportDense, SameBytesForAnyNumberOfThreads) {
    const TempFolder root;
    const Packed packed = write_packed(root, "qwen2");
    std::map<std::string, std::string> first;
    for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        ASSERT_TRUE(export_dense(packed.folder, root / "dense", {.overwrite = true}, pool).ok());
        std::map<std::string, std::string> hashes;
        for (const auto& file : fs::directory_iterator(root / "dense")) {
            hashes[file.path().filename()] = sha256_file(file.path()).value();
        }
        EXPECT_EQ(hashes.size(), 3u + 1 + 2);  // shards, config.json, index
        if (first.empty()) first = hashes;
        EXPECT_EQ(first, hashes);
    }
}

TEST(DenseDtype, Names) {
    for (const char* name : {"float32", "bfloat16", "float16"}) {
        EXPECT_EQ(dense_dtype_name(dense_dtype_from_name(name).value()), name);
    }
    const auto unknown = dense_dtype_from_name("int4");
    ASSERT_FALSE(unknown.ok());
    EXPECT_EQ(unknown.error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace dwubit
