// Blocks against what llama.cpp's quantizer writes (tests/oracle/ggml_encode_golden.py), byte for byte.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/float16.h"
#include "base/sha256.h"
#include "checkpoint/hf_dir.h"
#include "ggml/block_type.h"
#include "json/json.h"

namespace dwubit {
namespace {

std::vector<double> uniforms(std::uint64_t seed, std::size_t count) {
    std::vector<double> u(count);
    for (double& x : u) {
        seed += 0x9E3779B97F4A7C15u;
        std::uint64_t z = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        x = static_cast<double>((z ^ z >> 31) >> 11) * 0x1p-53;
    }
    return u;
}

const std::vector<std::string> kKinds = {"normal", "heavy", "holes", "tiny", "positive"};

std::uint64_t number_of(const std::string& kind) {
    return static_cast<std::uint64_t>(std::find(kKinds.begin(), kKinds.end(), kind) - kKinds.begin());
}

std::vector<float> numbers(const std::string& kind, std::size_t count) {
    const std::vector<double> u = uniforms(100 + number_of(kind), 4 * count);
    std::vector<float> x(count);
    for (std::size_t i = 0; i < count; ++i) {
        double n = u[4 * i] + u[4 * i + 1] + u[4 * i + 2] + u[4 * i + 3] - 2;
        if (kind == "heavy") n = n * n * n;
        if (kind == "holes" && i / 32 % 3 == 1) n = 0;
        if (kind == "tiny") n *= 0x1p-70;
        if (kind == "positive") n = std::fabs(n) + 1;
        x[i] = static_cast<float>(n);
    }
    return x;
}

std::vector<float> importance(const std::string& kind, std::size_t count) {
    const std::vector<double> u = uniforms(200 + number_of(kind), count);
    std::vector<float> w(count, 1.0f);
    if (kind == "tiny") return w;
    for (std::size_t i = 0; i < count; ++i) {
        w[i] = kind == "heavy" && u[i] < 0.125 ? 0.0f : static_cast<float>(u[i] * u[i] * u[i] * 4);
    }
    return w;
}

std::string encoded_sha256(const BlockType& type, const std::vector<float>& x, std::size_t rows, const float* weights) {
    const std::size_t columns = x.size() / rows;
    const auto blocks = static_cast<std::int64_t>(columns) / type.weights;
    const auto row_bytes = static_cast<std::size_t>(blocks * type.bytes);
    std::vector<std::byte> out(rows * row_bytes);
    for (std::size_t r = 0; r < rows; ++r) {
        type.encode(x.data() + r * columns, blocks, weights, out.data() + r * row_bytes);
    }
    return sha256_hex(out);
}

TEST(BlockEncode, WritesWhatLlamaCppWrites) {
    const Json golden = read_json_file("tests/golden/ggml/encode.json").value();
    const auto rows = golden.at("rows").get<std::size_t>();
    const auto columns = golden.at("columns").get<std::size_t>();
    for (const Json& json : golden.at("cases")) {
        SCOPED_TRACE(dump_json(json));
        const BlockType* const type = find_block_type(json.at("type").get<std::string>());
        ASSERT_NE(type, nullptr);
        ASSERT_NE(type->encode, nullptr);
        const auto kind = json.at("kind").get<std::string>();
        const std::vector<float> weights = importance(kind, columns);
        const bool weighted = json.at("importance").get<bool>();
        ASSERT_TRUE(weighted || !type->needs_importance);
        EXPECT_EQ(encoded_sha256(*type, numbers(kind, rows * columns), rows, weighted ? weights.data() : nullptr),
                  json.at("sha256").get<std::string>());
    }
}

TEST(BlockEncode, WritesWhatLlamaCppWritesForLayersOfOrlik) {
    const Json golden = read_json_file("tests/golden/ggml/encode.json").value();
    const Result<HfDir> orlik = open_hf_dir("models/orlik");
    ASSERT_TRUE(orlik.ok()) << orlik.error().message;
    for (const Json& json : golden.at("orlik")) {
        SCOPED_TRACE(dump_json(json));
        const TensorView* const tensor = orlik->tensors.find(json.at("tensor").get<std::string>());
        ASSERT_NE(tensor, nullptr);
        ASSERT_EQ(tensor->dtype, DType::kBf16);
        std::vector<float> x(tensor->bytes.size() / 2);
        find_block_type("BF16")->decode(tensor->bytes.data(), static_cast<std::int64_t>(x.size()), x.data());
        const std::vector<float> weights = importance("normal", static_cast<std::size_t>(tensor->shape[1]));
        const BlockType& type = *find_block_type(json.at("type").get<std::string>());
        EXPECT_EQ(encoded_sha256(type, x, static_cast<std::size_t>(tensor->shape[0]), weights.data()),
                  json.at("sha256").get<std::string>());
    }
}

// Hashes (FNV-1a, 64 bits) of ggml's blocks of 512 x 4096 normal numbers with importance one, taken on another machine.
TEST(BlockEncode, HashesThatAreKnown) {
    constexpr std::size_t kRows = 512, kColumns = 4096;
    const std::vector<double> u = uniforms(1234, 2 * kRows * kColumns);
    std::vector<float> x(kRows * kColumns);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double first = u[2 * i] + 0x1p-54;
        const double second = u[2 * i + 1] + 0x1p-54;
        x[i] = static_cast<float>(std::sqrt(-2 * std::log(first)) * std::cos(2 * std::numbers::pi * second));
    }
    const std::vector<float> weights(kColumns, 1.0f);
    const std::pair<const char*, std::uint64_t> known[] = {{"IQ2_XXS", 0xcb8908e9fe506d0f},
                                                           {"Q2_K", 0xa16ac823d10caaa6},
                                                           {"Q4_K", 0x42d0048a471540b1},
                                                           {"Q5_K", 0xafa464f16c6418d4}};
    for (const auto& [name, hash] : known) {
        const BlockType& type = *find_block_type(name);
        std::uint64_t got = 1469598103934665603u;
        std::vector<std::byte> row(kColumns / 256 * static_cast<std::size_t>(type.bytes));
        for (std::size_t r = 0; r < kRows; ++r) {
            type.encode(x.data() + r * kColumns, kColumns / 256, weights.data(), row.data());
            for (const std::byte byte : row) {
                got = (got ^ std::to_integer<std::uint64_t>(byte)) * 1099511628211u;
            }
        }
        EXPECT_EQ(got, hash) << name;
    }
}

}  // namespace
}  // namespace dwubit
