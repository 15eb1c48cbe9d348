// Kernel conformance: every row kernel of every instruction set that this processor has, against the reference, over a
// sweep of sizes with ragged ends. ctest runs it once per DWUBIT_ISA level; ActiveTableIsTheForcedOne makes sure of it.
#include "runtime/ops/op_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/philox.h"

namespace dwubit {
namespace {

const std::int64_t kSizes[] = {1, 2, 15, 16, 17, 31, 48, 64, 100, 255, 512, 1792};

std::vector<float> normal(std::int64_t count, std::uint64_t seed, float scale = 1.0f) {
    Philox random(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (auto& v : values) v = scale * random.next_normal();
    return values;
}

class OpTableTest : public ::testing::TestWithParam<Isa> {
protected:
    void SetUp() override {
        if (GetParam() > detect_cpu_isa().isa) GTEST_SKIP() << "this processor lacks " << isa_name(GetParam());
    }
    const OpTable& ops() const { return op_table(GetParam()); }
    const OpTable& ref() const { return op_table(Isa::kRef); }
};

TEST_P(OpTableTest, TableNamesItsIsa) {
    EXPECT_EQ(ops().isa, GetParam());
}

TEST_P(OpTableTest, RmsNorm) {
    for (const std::int64_t n : kSizes) {
        const auto x = normal(n, 1), w = normal(n, 2);
        std::vector<float> got(x.size()), want(x.size());
        ops().rms_norm(x.data(), w.data(), 1e-5f, got.data(), n);
        ref().rms_norm(x.data(), w.data(), 1e-5f, want.data(), n);
        for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], 2e-6f * (1 + std::abs(want[i]))) << n;
    }
}

TEST_P(OpTableTest, RmsNormOfZerosIsZero) {
    std::vector<float> x(33), w(33, 1.0f);
    ops().rms_norm(x.data(), w.data(), 1e-5f, x.data(), 33);
    for (const float v : x) EXPECT_EQ(v, 0.0f);
}

TEST_P(OpTableTest, Rope) {
    for (const std::int64_t half : {1, 5, 16, 32, 64}) {
        const auto cosine = normal(half, 1), sine = normal(half, 2);
        auto got = normal(2 * half, 3);
        auto want = got;
        ops().rope(got.data(), cosine.data(), sine.data(), half);
        ref().rope(want.data(), cosine.data(), sine.data(), half);
        EXPECT_EQ(got, want) << half;
    }
}

TEST_P(OpTableTest, SoftmaxInBlocks) {
    for (const std::int64_t n : kSizes) {
        const auto x = normal(n, 4, 8.0f);
        std::vector<double> exact(x.begin(), x.end());
        double maximum = -INFINITY, sum = 0;
        for (const double v : exact) maximum = std::max(maximum, v);
        for (double& v : exact) sum += v = std::exp(v - maximum);
        auto scores = x;
        float running_max = -INFINITY, running_sum = 0;
        for (std::int64_t first = 0; first < n; first += 64) {
            const std::int64_t count = std::min<std::int64_t>(64, n - first);
            const float correction = ops().softmax_block(scores.data() + first, count, &running_max, &running_sum);
            ASSERT_EQ(first == 0, correction == 0.0f);
            for (std::int64_t i = 0; i < first; ++i) scores[static_cast<std::size_t>(i)] *= correction;
        }
        EXPECT_EQ(running_max, static_cast<float>(maximum));
        EXPECT_NEAR(running_sum / sum, 1.0, 2e-6);
        for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(scores[i], exact[i], 1e-6) << n;
    }
}

TEST_P(OpTableTest, SoftmaxOfFarScoresStaysFinite) {
    std::vector<float> scores = {-1000.0f, 0.0f, 1000.0f, 999.0f};
    float running_max = -INFINITY, running_sum = 0;
    ops().softmax_block(scores.data(), 4, &running_max, &running_sum);
    EXPECT_NEAR(scores[0], 0.0f, 1e-30f);
    EXPECT_EQ(scores[2], 1.0f);
    EXPECT_NEAR(running_sum, 1.0 + std::exp(-1.0), 1e-6);
}

TEST_P(OpTableTest, LogSumExp) {
    for (const std::int64_t n : kSizes) {
        const auto x = normal(n, 5, 6.0f);
        double sum = 0;
        for (const float v : x) sum += std::exp(static_cast<double>(v));
        EXPECT_NEAR(ops().log_sum_exp(x.data(), n), std::log(sum), 4e-6) << n;
    }
}

TEST_P(OpTableTest, SwigluOverTheWholeRange) {
    const std::int64_t n = 20001;
    std::vector<float> gate(n), up(n, 1.5f);
    for (std::int64_t i = 0; i < n; ++i) gate[static_cast<std::size_t>(i)] = -100.0f + 0.01f * static_cast<float>(i);
    const auto input = gate;
    ops().swiglu(gate.data(), up.data(), n);
    for (std::size_t i = 0; i < gate.size(); ++i) {
        const double exact = input[i] / (1.0 + std::exp(-static_cast<double>(input[i]))) * 1.5;
        ASSERT_NEAR(gate[i], exact, 5e-7 * std::abs(exact) + 2e-35) << input[i];
    }
}

TEST_P(OpTableTest, Add) {
    for (const std::int64_t n : kSizes) {
        const auto x = normal(n, 6);
        auto got = normal(n, 7);
        auto want = got;
        ops().add(x.data(), got.data(), n);
        ref().add(x.data(), want.data(), n);
        EXPECT_EQ(got, want);
    }
}

TEST_P(OpTableTest, ToBf16IsBitExact) {
    auto x = normal(1000, 8);
    x.insert(x.end(), {0.0f, -0.0f, INFINITY, -INFINITY, NAN, std::numeric_limits<float>::max(),
                       std::numeric_limits<float>::denorm_min(), std::bit_cast<float>(0x3f808000u),
                       std::bit_cast<float>(0x7f800001u)});
    const auto n = static_cast<std::int64_t>(x.size());
    std::vector<std::uint16_t> got(x.size()), want(x.size());
    ops().to_bf16(x.data(), got.data(), n);
    ref().to_bf16(x.data(), want.data(), n);
    EXPECT_EQ(got, want);
}

TEST(OpTable, NativeBf16RoundingEqualsTheReferenceOnNormalNumbers) {
    if (!detect_cpu_isa().avx512_bf16) GTEST_SKIP() << "this processor lacks AVX512-BF16";
    for (const std::int64_t n : kSizes) {
        auto x = normal(n, 11, 3.0f);
        x[0] = -0.0f;
        if (n > 2) x[1] = std::bit_cast<float>(0x3f808000u), x[2] = INFINITY;
        if (n > 20) x[15] = NAN, x[16] = std::bit_cast<float>(0x7f800001u), x[17] = std::numeric_limits<float>::max();
        std::vector<std::uint16_t> got(x.size() + 1, 7), want(x.size() + 1, 7);
        to_bf16_f32_avx512_bf16(x.data(), got.data(), n);
        to_bf16_f32_ref(x.data(), want.data(), n);
        EXPECT_EQ(got, want) << n;
    }
    const float subnormal[] = {std::bit_cast<float>(0x007fffffu), std::bit_cast<float>(0x80400000u)};
    std::uint16_t out[2];
    to_bf16_f32_avx512_bf16(subnormal, out, 2);
    EXPECT_EQ(out[0], 0x0000);
    EXPECT_EQ(out[1], 0x8000);
}

TEST_P(OpTableTest, DotRows) {
    for (const std::int64_t dim : kSizes) {
        const std::int64_t n = 11, stride = dim + 3;
        const auto q = normal(dim, 12), rows = normal(n * stride, 13);
        std::vector<float> got(static_cast<std::size_t>(n));
        ops().dot_rows(q.data(), rows.data(), stride, n, dim, got.data());
        for (std::int64_t j = 0; j < n; ++j) {
            double sum = 0, size = 0;
            for (std::int64_t d = 0; d < dim; ++d) {
                const double term = static_cast<double>(q[static_cast<std::size_t>(d)]) *
                                    rows[static_cast<std::size_t>(j * stride + d)];
                sum += term, size += std::abs(term);
            }
            ASSERT_NEAR(got[static_cast<std::size_t>(j)], sum, 1e-5 * size) << dim;
            float alone = 0;
            ops().dot_rows(q.data(), rows.data() + j * stride, stride, 1, dim, &alone);
            ASSERT_EQ(alone, got[static_cast<std::size_t>(j)]) << "the score depends on its place";
        }
    }
}

TEST_P(OpTableTest, AddRows) {
    for (const std::int64_t dim : kSizes) {
        const std::int64_t n = 9, stride = dim + 1;
        const auto weights = normal(n, 14), rows = normal(n * stride, 15);
        const auto start = normal(dim, 16);
        auto got = start;
        ops().add_rows(weights.data(), rows.data(), stride, n, dim, got.data());
        for (std::size_t d = 0; d < got.size(); ++d) {
            double sum = start[d];
            for (std::size_t j = 0; j < weights.size(); ++j) {
                sum += static_cast<double>(weights[j]) * rows[j * static_cast<std::size_t>(stride) + d];
            }
            ASSERT_NEAR(got[d], sum, 2e-5) << dim;
        }
        auto pieces = start;
        ops().add_rows(weights.data(), rows.data(), stride, 4, dim, pieces.data());
        ops().add_rows(weights.data() + 4, rows.data() + 4 * stride, stride, n - 4, dim, pieces.data());
        EXPECT_EQ(pieces, got) << "two calls give other bits than one";
    }
}

TEST_P(OpTableTest, HalvesAreBitExact) {
    std::vector<std::uint16_t> halves(65536 + 5);
    for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
    const auto n = static_cast<std::int64_t>(halves.size());
    std::vector<float> got(halves.size()), want(halves.size());
    ops().from_bf16(halves.data(), got.data(), n);
    ref().from_bf16(halves.data(), want.data(), n);
    EXPECT_EQ(0, std::memcmp(got.data(), want.data(), got.size() * sizeof(float)));
    ops().from_f16(halves.data(), got.data(), n);
    ref().from_f16(halves.data(), want.data(), n);
    for (std::size_t i = 0; i < got.size(); ++i) {
        if (std::isnan(want[i])) {
            ASSERT_TRUE(std::isnan(got[i])) << i;  // whether it is quiet is the processor's
        } else {
            ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(want[i])) << i;
        }
    }
}

TEST_P(OpTableTest, ToF16RoundsToNearestEven) {
    auto x = normal(1003, 21, 100.0f);
    x.insert(x.end(), {0.0f, -0.0f, INFINITY, 65519.0f, 65520.0f, 1e-7f, 6e-8f, 2.98e-8f, 1.00048828125f, 1.0014648f});
    const auto n = static_cast<std::int64_t>(x.size());
    std::vector<std::uint16_t> got(x.size()), want(x.size());
    ops().to_f16(x.data(), got.data(), n);
    ref().to_f16(x.data(), want.data(), n);
    EXPECT_EQ(got, want);
}

TEST_P(OpTableTest, Int8KeepsWithinHalfAStep) {
    for (const std::int64_t n : kSizes) {
        const auto x = normal(n, 22, 3.0f);
        std::vector<std::int8_t> codes(x.size()), want(x.size());
        const float scale = ops().to_int8(x.data(), codes.data(), n);
        EXPECT_EQ(scale, ref().to_int8(x.data(), want.data(), n));
        EXPECT_EQ(codes, want);
        float largest = 0;
        for (const float v : x) largest = std::max(largest, std::abs(v));
        EXPECT_EQ(scale, largest / 127.0f);
        std::vector<float> back(x.size());
        ops().from_int8(codes.data(), scale, back.data(), n);
        for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(back[i], x[i], 0.5001f * scale) << n;
    }
    std::vector<float> zeros(20, 0.0f);
    std::vector<std::int8_t> codes(20, 1);
    EXPECT_EQ(ops().to_int8(zeros.data(), codes.data(), 20), 0.0f);
    EXPECT_EQ(codes, std::vector<std::int8_t>(20, 0));
}

TEST_P(OpTableTest, Argmax) {
    for (const std::int64_t n : kSizes) {
        auto x = normal(n, 23);
        const auto largest = std::max_element(x.begin(), x.end()) - x.begin();
        EXPECT_EQ(ops().argmax(x.data(), n), largest);
        x.back() = x[static_cast<std::size_t>(largest)];  // of equals the first
        EXPECT_EQ(ops().argmax(x.data(), n), largest);
        const std::int64_t middle = n / 2;
        x[static_cast<std::size_t>(middle)] = NAN;
        EXPECT_EQ(ops().argmax(x.data(), n), -2 - middle);
        std::vector<float> none(x.size(), -INFINITY);
        EXPECT_EQ(ops().argmax(none.data(), n), -1);
        none.back() = INFINITY;
        EXPECT_EQ(ops().argmax(none.data(), n), n - 1);
    }
}

INSTANTIATE_TEST_SUITE_P(Isa, OpTableTest, ::testing::Values(Isa::kRef, Isa::kAvx2, Isa::kAvx512),
                         [](const auto& test) { return std::string(isa_name(test.param)); });

// AVX2 and AVX-512 run the same lanes in the same order: equal bits, so results do not change between the two.
TEST(OpTable, Avx2AndAvx512GiveTheSameBits) {
    if (detect_cpu_isa().isa < Isa::kAvx512) GTEST_SKIP() << "this processor lacks avx512";
    for (const std::int64_t n : kSizes) {
        const auto x = normal(n, 9, 5.0f), w = normal(n, 10);
        auto a = x, b = x;
        op_table(Isa::kAvx2).rms_norm(x.data(), w.data(), 1e-6f, a.data(), n);
        op_table(Isa::kAvx512).rms_norm(x.data(), w.data(), 1e-6f, b.data(), n);
        EXPECT_EQ(a, b) << n;
        op_table(Isa::kAvx2).swiglu(a.data(), w.data(), n);
        op_table(Isa::kAvx512).swiglu(b.data(), w.data(), n);
        EXPECT_EQ(a, b) << n;
        EXPECT_EQ(op_table(Isa::kAvx2).log_sum_exp(x.data(), n), op_table(Isa::kAvx512).log_sum_exp(x.data(), n)) << n;
    }
}

TEST(OpTable, ActiveTableIsTheForcedOne) {
    EXPECT_EQ(active_ops().isa, active_isa().isa);
}

}  // namespace
}  // namespace dwubit
