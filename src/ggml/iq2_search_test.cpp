#include "ggml/iq2_search.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "base/philox.h"
#include "ggml/block_type.h"
#include "ggml/layout.h"
#include "ggml/tables.h"
#include "runtime/cpu/isa.h"

namespace dwubit::ggml {
namespace {

struct Row {
    std::vector<float> x;
    std::vector<float> importance;
};

Row random_row(std::size_t blocks, std::uint64_t seed) {
    Philox random(seed);
    Row row;
    for (std::size_t i = 0; i < blocks * kSuper; ++i) {
        row.x.push_back(0.03f * random.next_normal());
        row.importance.push_back(std::exp(random.next_normal()));
    }
    return row;
}

// Sum of importance times squared error.
double loss(const Row& row, const std::vector<std::byte>& bytes) {
    std::vector<float> values(row.x.size());
    find_block_type("IQ2_XXS")->decode(bytes.data(), static_cast<std::int64_t>(row.x.size() / kSuper), values.data());
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        sum += double{row.importance[i]} * std::pow(double{row.x[i]} - double{values[i]}, 2);
    }
    return sum;
}

std::vector<std::byte> searched(const Row& row, Iq2Weighting weighting) {
    const std::size_t blocks = row.x.size() / kSuper;
    std::vector<std::byte> bytes(blocks * sizeof(BlockIq2Xxs));
    encode_iq2_xxs_exhaustive(row.x.data(), static_cast<std::int64_t>(blocks), row.importance.data(), weighting,
                              bytes.data());
    return bytes;
}

TEST(Iq2Search, LosesLessThanTheReference) {
    const Row row = random_row(64, 1);
    std::vector<std::byte> bytes(64 * sizeof(BlockIq2Xxs));
    find_block_type("IQ2_XXS")->encode(row.x.data(), 64, row.importance.data(), bytes.data());
    const double reference = loss(row, bytes);
    EXPECT_LT(loss(row, searched(row, Iq2Weighting::kReference)), 0.92 * reference);
    EXPECT_LT(loss(row, searched(row, Iq2Weighting::kImportance)), 0.88 * reference);
}

// For the scales that were chosen no other point and no other signs are better: all 256 points times 128 signs of each
// eight are tried here, by the decoder's formula.
TEST(Iq2Search, PointsAndSignsAreTheBestForTheirScale) {
    const Row row = random_row(1, 2);
    const std::vector<std::byte> bytes = searched(row, Iq2Weighting::kImportance);
    const auto& block = *reinterpret_cast<const BlockIq2Xxs*>(bytes.data());
    for (int k = 0; k < 32; ++k) {
        const std::uint32_t word = read_u32(block.qs + k / 4 * 8 + 4);
        const double scale = read_f16(block.d) * (0.5 + (word >> 28)) * 0.25;
        const auto cost = [&](unsigned point, unsigned signs) {
            double sum = 0;
            for (int i = 0; i < 8; ++i) {
                const double level = kIq2Levels[kIq2XxsGrid[point] >> (2 * i) & 3u];
                const double off = row.x[8 * k + i] - scale * (signs >> i & 1u ? -level : level);
                sum += row.importance[8 * k + i] * off * off;
            }
            return sum;
        };
        double least = 1e30;
        for (unsigned point = 0; point < 256; ++point) {
            for (unsigned signs = 0; signs < 128; ++signs) least = std::min(least, cost(point, signs_of(signs)));
        }
        const double chosen = cost(block.qs[k / 4 * 8 + k % 4], signs_of(word >> (7 * (k % 4)) & 127u));
        EXPECT_LE(chosen, least * 1.0001 + 1e-12) << "eight " << k;
    }
}

TEST(Iq2Search, ZerosTinyAndHugeWeightsStayFinite) {
    Row row = random_row(6, 3);
    for (std::size_t i = 0; i < kSuper; ++i) {
        row.x[i] = 0;
        row.x[kSuper + i] *= 1e-30f;
        row.x[2 * kSuper + i] *= 1e7f;
        row.importance[3 * kSuper + i] = 0;
        if (i < 64) row.x[4 * kSuper + i] = 0;
        row.importance[5 * kSuper + i] *= 1e-20f;
    }
    const std::vector<std::byte> bytes = searched(row, Iq2Weighting::kReference);
    std::vector<float> values(row.x.size());
    find_block_type("IQ2_XXS")->decode(bytes.data(), 6, values.data());
    for (const float value : values) ASSERT_TRUE(std::isfinite(value));
    for (std::size_t i = 0; i < 2 * kSuper; ++i) EXPECT_EQ(values[i], 0.0f);
}

TEST(Iq2Search, EveryInstructionSetGivesTheSameBytes) {
    const Row row = random_row(8, 4);
    const auto run = [&](auto search) {
        std::vector<std::byte> bytes(8 * sizeof(BlockIq2Xxs));
        search(iq2_search_table(), row.x.data(), 8, row.importance.data(), Iq2Weighting::kReference, bytes.data());
        return bytes;
    };
    const auto reference = run(iq2_search_f32_ref);
    const CpuIsa isa = detect_cpu_isa();
    if (runs_on(isa, Isa::kAvx2, kNeedsNothing)) {
        EXPECT_EQ(run(iq2_search_f32_avx2), reference);
    }
    if (runs_on(isa, Isa::kAvx512, kNeedsNothing)) {
        EXPECT_EQ(run(iq2_search_f32_avx512), reference);
    }
}

}  // namespace
}  // namespace dwubit::ggml
