#include "lab/blocks/trellis_quantizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lab/blocks/hadamard_transform.h"
#include "lab/blocks/test_matrices.h"
#include "lab/to_span.h"
#include "runtime/transforms/transform.h"

namespace dwubit::lab {
namespace {

using testing::correlated_hessian;
using testing::gaussian;

// HYB's table is whatever it is given: here pairs on a grid.
std::vector<std::uint16_t> some_table() {
    std::vector<std::uint16_t> table;
    for (std::size_t i = 0; i < kHybTableSize; ++i) table.push_back(static_cast<std::uint16_t>(0x3000 + 37 * i % 4096));
    return table;
}

struct Case {
    TrellisCode code;
    int bits;
};
constexpr Case kCases[] = {{TrellisCode::kMul1, 2}, {TrellisCode::k1Mad, 3}, {TrellisCode::k3Inst, 1},
                           {TrellisCode::kHyb, 2},  {TrellisCode::kHyb, 1},  {TrellisCode::kHyb, 4}};

TrellisQuantizer quantizer_of(const Case& c) {
    return {c.code, c.bits, c.code == TrellisCode::kHyb ? some_table() : std::vector<std::uint16_t>(), at::kCPU};
}

// The values of a tile by the definition: from the bits that its states take in.
std::vector<float> decode(const Case& c, std::span<const std::uint8_t> bits) {
    const int step = trellis_step_values(c.code);
    const int width = c.bits * step;
    const auto values =
        trellis_values(c.code, c.code == TrellisCode::kHyb ? some_table() : std::vector<std::uint16_t>());
    std::vector<int> stream;
    for (const std::uint8_t taken : bits) {
        for (int b = width - 1; b >= 0; --b) stream.push_back(taken >> b & 1);
    }
    std::vector<float> tile(kTrellisTileSize);
    for (std::size_t t = 0; t < bits.size(); ++t) {
        std::size_t state = 0;
        for (std::size_t b = 0; b < kTrellisStateBits; ++b) {
            state =
                2 * state + static_cast<std::size_t>(stream[(t * static_cast<std::size_t>(width) + b) % stream.size()]);
        }
        for (int v = 0; v < step; ++v) {
            const std::size_t p = t * static_cast<std::size_t>(step) + static_cast<std::size_t>(v);
            tile[trellis_order(c.code, c.bits)[p]] = values[static_cast<std::size_t>(v) * kTrellisStates + state];
        }
    }
    return tile;
}

// The bits that are handed over decode to the values that the feedback has seen, tile by tile, in the format's order.
TEST(TrellisQuantizer, CodesStandForTheValues) {
    for (const Case& c : kCases) {
        const TrellisQuantizer quantizer = quantizer_of(c);
        constexpr std::int64_t kRows = 32;
        const at::Tensor target = gaussian(16, kRows, 3);
        at::Tensor values = at::empty_like(target);
        at::Tensor codes = at::empty({1, quantizer.code_words(), kRows}, at::kInt);
        at::Tensor words = codes[0];
        quantizer.quantize(target, values, words);
        const at::Tensor tiles = trellis_tiles(codes);
        const std::int64_t states = kTrellisTileSize / trellis_step_values(c.code);
        ASSERT_EQ(tiles.sizes(), (at::IntArrayRef{2, 1, states}));
        const std::span<const std::uint8_t> bytes = to_span<std::uint8_t>(tiles);
        for (std::int64_t tile = 0; tile < 2; ++tile) {
            const auto expected =
                decode(c, bytes.subspan(static_cast<std::size_t>(tile * states), static_cast<std::size_t>(states)));
            for (std::int64_t r = 0; r < 16; ++r) {
                for (std::int64_t column = 0; column < 16; ++column) {
                    ASSERT_EQ(values[column][16 * tile + r].item<float>(),
                              expected[static_cast<std::size_t>(16 * r + column)])
                        << trellis_code_name(c.code) << " " << c.bits << " tile " << tile << " row " << r << " column "
                        << column;
                }
            }
        }
    }
}

TEST(TrellisQuantizer, MeanSquaredErrorOfAGaussian) {
    const TrellisQuantizer quantizer(TrellisCode::kMul1, 2, {}, at::kCPU);
    EXPECT_NEAR(quantizer.rms(), 1.000312, 1e-5);
    const at::Tensor target = gaussian(16, 16 * 16, 4);
    at::Tensor values = at::empty_like(target);
    at::Tensor codes = at::empty({quantizer.code_words(), target.size(1)}, at::kInt);
    quantizer.quantize(target, values, codes);
    const double error = (target - values).square().mean().item<double>() / target.square().mean().item<double>();
    EXPECT_NEAR(error, 0.0688, 0.004);  // 4096 samples
}

// Rows of a tile are rounded together, rows of other tiles do not matter, and feeding errors back lowers the loss.
TEST(TrellisQuantizer, InsideLdlq) {
    const TrellisQuantizer quantizer(TrellisCode::kMul1, 2, {}, at::kCPU);
    const at::Tensor weight = gaussian(32, 48, 5) * 0.9;
    // As the method has it: without channels that feed back more than the code can hold.
    const HadamardTransform transform(random_signs(1, 1, 48), at::kCPU, "test");
    const at::Tensor hessian = hessian_in_basis(correlated_hessian(48, 150, 6), transform);
    const BlockFeedback feedback = make_block_feedback(hessian.clone(), 16, 0.01, true, "test");
    const BlockSolution all = quantize_blocks(weight, feedback, quantizer, 0);
    const BlockSolution some = quantize_blocks(weight.slice(0, 16, 32), feedback, quantizer, 0);
    EXPECT_TRUE(at::equal(all.codes.slice(2, 16, 32), some.codes));
    const BlockFeedback plain = make_block_feedback(at::eye(48, at::kDouble), 16, 0, true, "test");
    const BlockSolution apart = quantize_blocks(weight, plain, quantizer, 0);
    const auto loss = [&](const BlockSolution& solution) {
        return block_losses((weight - solution.values).t().contiguous(), feedback).sum().item<double>();
    };
    EXPECT_LT(loss(all), 0.8 * loss(apart));
    const BlockSolution swept = quantize_blocks(weight, feedback, quantizer, 1);
    EXPECT_LE(loss(swept), loss(all));
}

}  // namespace
}  // namespace dwubit::lab
