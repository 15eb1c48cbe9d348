// The definitions of rht, block_rht and kronecker, element by element, and what is refused of them.
#include "runtime/transforms/hadamard/product.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/philox.h"
#include "runtime/transforms/hadamard/kernels.h"
#include "runtime/transforms/hadamard/orders.h"

namespace dwubit {
namespace {

const Transform& transform(const char* id) {
    return *find_transform(id).value();
}

// Entry (i, j) of the Hadamard matrix of n: that of the order times Sylvester's.
int hadamard_entry(std::int64_t n, std::int64_t i, std::int64_t j) {
    const HadamardSize size = hadamard_size(n).value();
    const std::int64_t inner = std::int64_t{1} << size.log2;
    const auto bits = static_cast<std::uint64_t>((i % inner) & (j % inner));
    const int sylvester = std::popcount(bits) % 2 == 0 ? 1 : -1;
    if (size.order == 1) return sylvester;
    return sylvester * hadamard_matrix(size.order)->at(static_cast<int>(i / inner), static_cast<int>(j / inner));
}

std::vector<float> real_factors(std::int64_t n) {
    Philox random(11);
    std::vector<float> factors(static_cast<std::size_t>(n));
    for (float& factor : factors) factor = random.next_normal();
    return factors;
}

// T = UT diag(f): T[i, j] = U[j, i] f[j]. Sizes whose matrix is not symmetric tell U from its transpose.
TEST(Rht, IsTheTransposeOfUAfterTheFactors) {
    for (const std::int64_t n : {12, 24, 20, 28, 52, 36, 64, 44}) {
        const std::vector<float> factors = real_factors(n);
        const auto rht = make_transform(transform("rht"), {{"sign", "f32"}}, n, factors).value();
        const std::vector<double> t = transform_matrix(*rht);
        double asymmetry = 0;
        for (std::int64_t i = 0; i < n; ++i) {
            for (std::int64_t j = 0; j < n; ++j) {
                const double expected =
                    hadamard_entry(n, j, i) * double{factors[static_cast<std::size_t>(j)]} / std::sqrt(double(n));
                ASSERT_NEAR(t[static_cast<std::size_t>(i * n + j)], expected, 1e-14) << n;
                asymmetry += std::abs(hadamard_entry(n, j, i) - hadamard_entry(n, i, j));
            }
        }
        EXPECT_EQ(asymmetry > 0, n == 12 || n == 24 || n == 20 || n == 52 || n == 44) << n;
    }
}

TEST(BlockRht, IsRhtOfEachBlock) {
    const std::int64_t n = 60;
    const std::vector<float> factors = real_factors(n);
    const auto blocks = make_transform(transform("block_rht"), {{"block", 12}, {"sign", "f32"}}, n, factors).value();
    std::vector<float> x = real_factors(n);
    std::vector<float> expected = x;
    blocks->apply(1, x.data());
    for (std::int64_t at = 0; at < n; at += 12) {
        const std::span<const float> part(factors.data() + at, 12);
        make_transform(transform("rht"), {{"sign", "f32"}}, 12, part).value()->apply(1, expected.data() + at);
    }
    EXPECT_EQ(x, expected);
}

TEST(Kronecker, IsTheProductOfItsMatrices) {
    const std::vector<std::int64_t> sizes = {4, 12, 8};
    const std::int64_t n = 4 * 12 * 8;
    const auto product = make_transform(transform("kronecker"), {{"sizes", sizes}, {"sign", "none"}}, n, {}).value();
    const std::vector<double> t = transform_matrix(*product);
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
            const int expected = hadamard_entry(4, j / 96, i / 96) * hadamard_entry(12, j / 8 % 12, i / 8 % 12) *
                                 hadamard_entry(8, j % 8, i % 8);
            ASSERT_NEAR(t[static_cast<std::size_t>(i * n + j)], expected / std::sqrt(double(n)), 1e-14);
        }
    }
}

// 14336 = 28 x 512 is what rht does by itself.
TEST(Kronecker, OfOrderAndPowerOfTwoIsRht) {
    for (const auto& [order, rest] : {std::pair<std::int64_t, std::int64_t>{28, 512}, {36, 16}}) {
        const std::int64_t n = order * rest;
        const std::vector<float> signs = random_signs(1, 0, n);
        const Json params = {{"sizes", {order, rest}}, {"sign", "bit"}};
        std::vector<float> x = real_factors(n);
        std::vector<float> y = x;
        make_transform(transform("kronecker"), params, n, signs).value()->apply(1, x.data());
        make_transform(transform("rht"), {{"sign", "bit"}}, n, signs).value()->apply(1, y.data());
        EXPECT_EQ(x, y);
    }
}

// What a layer does: y = T_outT W' T_in x is W x, for the sizes of the models that QuIP# names.
TEST(Rht, EveryPublishedSizeIsUndoneByItsTranspose) {
    for (const std::int64_t n : {1024,  2048,  3584,  4096,  5120,  5632,  6144,  8192,  8960,  9728,  10240,
                                 11008, 12288, 13824, 14336, 15360, 17408, 18944, 22016, 25600, 27648, 28672}) {
        const auto rht = make_transform(transform("rht"), {{"sign", "bit"}}, n, random_signs(5, 0, n)).value();
        const OrthogonalityError error = orthogonality_error(*rht);
        EXPECT_LT(error.f32, 1e-6) << n;
        EXPECT_LT(error.f64, 1e-14) << n;
    }
}

TEST(Rht, FactorsDoNotCountAsOrthogonalityError) {
    std::vector<float> factors = real_factors(96);
    factors[5] = 0;
    const auto rht = make_transform(transform("rht"), {{"sign", "f32"}}, 96, factors).value();
    EXPECT_LT(orthogonality_error(*rht).f64, 1e-14);
}

std::string message(const char* id, const Json& params, std::int64_t n) {
    const Result<Json> checked = transform(id).check_params(params, n);
    return checked.ok() ? "accepted" : checked.error().message + " | " + checked.error().hint;
}

TEST(Rht, SizesWithoutAMatrixAreNamedWithTheNearest) {
    for (const char* id : {"hadamard", "rht"}) {
        const std::string text = message(id, Json::object(), 13696);
        EXPECT_NE(text.find("13696"), std::string::npos) << text;
        EXPECT_NE(text.find("13568 and 13824"), std::string::npos) << text;
    }
    EXPECT_NE(message("kronecker", {{"sizes", {6, 2}}}, 12).find("size 6"), std::string::npos);
    EXPECT_NE(message("kronecker", {{"sizes", {12, 2}}}, 12).find("product is 12"), std::string::npos);
    EXPECT_NE(message("kronecker", {{"sizes", {-12, -1}}}, 12).find("product is 12"), std::string::npos);
    EXPECT_NE(message("kronecker", {{"sizes", {1.5}}}, 12).find("product is 12"), std::string::npos);
    EXPECT_NE(message("block_rht", {{"block", 3}}, 12).find("of this size: 1, 2, 4, 12"), std::string::npos);
    EXPECT_NE(message("block_rht", Json::object(), 12).find("'block'"), std::string::npos);
    EXPECT_NE(message("rht", {{"sign", "f64"}}, 12).find("\"bit\", \"f16\" or \"f32\""), std::string::npos);
    EXPECT_EQ(message("rht", Json::object(), 12), "accepted");
}

TEST(Rht, FactorsAreStoredExactlyOrRefused) {
    const std::vector<float> half(12, 0.5f);
    const std::vector<float> third(12, 1.0f / 3);
    const auto error = [&](const char* sign, const std::vector<float>& factors) {
        const auto made = make_transform(transform("rht"), {{"sign", sign}}, 12, factors);
        return made.ok() ? std::string("accepted") : made.error().message;
    };
    EXPECT_NE(error("bit", half).find("factor 0 is 0.5"), std::string::npos);
    EXPECT_EQ(error("f16", half), "accepted");
    EXPECT_NE(error("f16", third).find("factor 0 is 0.33"), std::string::npos);
    EXPECT_EQ(error("f32", third), "accepted");
    EXPECT_NE(error("f32", std::vector<float>(12, std::numeric_limits<float>::infinity())).find("factor 0"),
              std::string::npos);
    EXPECT_NE(error("f32", std::vector<float>(11, 1.0f)).find("11 factors for 12"), std::string::npos);
    // and so are those of a file
    std::vector<float> broken(12, 1.0f);
    broken[7] = std::nanf("");
    const TensorView view = {"sign_in", DType::kF32, {12}, std::as_bytes(std::span<const float>(broken)), "memory"};
    const auto bound = transform("rht").bind({{"sign", "f32"}}, 12, Side::kIn, {&view, 1});
    ASSERT_FALSE(bound.ok());
    EXPECT_NE(bound.error().message.find("'sign_in' has a value that is not finite at element 7"), std::string::npos);
}

// The kernels of every level against the reference, bit for bit, with strides that are no multiple of a vector.
TEST(HadamardKernels, EveryLevelGivesTheSameBits) {
    struct Level {
        Isa isa;
        FwhtKernel fwht;
        ButterflyKernel butterfly;
        MixKernel mix;
        ScaleKernel scale;
    };
    const Level levels[] = {{Isa::kAvx2, fwht_f32_avx2, butterfly_f32_avx2, mix_f32_avx2, scale_f32_avx2},
                            {Isa::kAvx512, fwht_f32_avx512, butterfly_f32_avx512, mix_f32_avx512, scale_f32_avx512}};
    int run = 0;
    for (const Level& level : levels) {
        if (level.isa > detect_cpu_isa().isa) continue;
        ++run;
        for (int log2 = 0; log2 <= 12; ++log2) {
            std::vector<float> x = real_factors(std::int64_t{1} << log2);
            std::vector<float> y = x;
            fwht_f32_ref(x.data(), log2);
            level.fwht(y.data(), log2);
            EXPECT_EQ(x, y) << log2;
        }
        for (const std::int64_t n : {1, 16, 37, 100}) {
            std::vector<float> x = real_factors(2 * n);
            std::vector<float> y = x;
            butterfly_f32_ref(x.data(), x.data() + n, n);
            level.butterfly(y.data(), y.data() + n, n);
            EXPECT_EQ(x, y) << n;
            scale_f32_ref(x.data(), x.data() + n, n);
            level.scale(y.data(), y.data() + n, n);
            EXPECT_EQ(x, y) << n;
        }
        for (const int order : {12, 28, 172}) {
            std::vector<float> matrix;
            for (const std::int8_t sign : hadamard_matrix(order)->entries) matrix.push_back(sign);
            for (const std::int64_t stride : {1, 2, 8, 16, 64, 100, 512}) {
                const std::vector<float> x = real_factors(order * stride);
                std::vector<float> expected(x.size());
                std::vector<float> values(x.size());
                mix_f32_ref(matrix.data(), order, x.data(), stride, expected.data());
                level.mix(matrix.data(), order, x.data(), stride, values.data());
                EXPECT_EQ(values, expected) << order << " " << stride;
            }
        }
    }
    if (run == 0) GTEST_SKIP() << "this processor has neither AVX2 nor AVX-512: there is nothing to compare with ref";
}

}  // namespace
}  // namespace dwubit
