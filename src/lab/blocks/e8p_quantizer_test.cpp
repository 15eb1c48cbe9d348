#include "lab/blocks/e8p_quantizer.h"

#include <gtest/gtest.h>

#include "lab/blocks/test_matrices.h"
#include "lab/failure.h"
#include "lab/to_span.h"
#include "runtime/formats/e8p/e8p.h"

namespace dwubit::lab {
namespace {

using testing::gaussian;

struct Rounded {
    at::Tensor values;  // [columns, rows]
    at::Tensor codes;   // [words, rows]
};

Rounded rounded(const at::Tensor& target, int bits) {
    const E8pQuantizer quantizer(bits, E8pParams::default_residual(bits), at::kCPU);
    Rounded result{at::empty_like(target), at::empty({quantizer.code_words(), target.size(1)}, at::kInt)};
    quantizer.quantize(target, result.values, result.codes);
    return result;
}

// Greedy stages on a Gaussian: 2 bits 0.0912 at scale 1.03; 3 bits 0.0299 at 0.98; 4 bits 0.0090 at 0.9, 0.0101
// at 1.03.
TEST(E8pQuantizer, MeanSquaredErrorOfAGaussian) {
    const at::Tensor samples = gaussian(8, 40000, 3);
    for (const auto& [bits, rho, expected] : {std::tuple{2, 1.03, 0.0912}, std::tuple{3, 0.98, 0.0299},
                                              std::tuple{4, 0.9, 0.0090}, std::tuple{4, 1.03, 0.0101}}) {
        const at::Tensor target = samples * rho;
        const double error = (target - rounded(target, bits).values).square().mean().item<double>() / (rho * rho);
        // At 4 bits few samples outside the codebook make most of the error, so that its mean varies more.
        EXPECT_NEAR(error / expected, 1, bits == 4 ? 0.06 : 0.015) << bits << " bits at " << rho;
    }
}

// The format decodes the codes to the values, times the scale.
TEST(E8pQuantizer, ValuesAreTheFormats) {
    for (const int bits : {2, 3, 4}) {
        constexpr std::int64_t kOut = 30;
        constexpr std::int64_t kIn = 21;  // a short last block
        const at::Tensor target = gaussian(kIn, kOut, 4);
        const Format& format = e8p_format();
        Codes codes{{kOut, kIn}, unwrap(format.check_params({{"bits", bits}}, {kOut, kIn})), {}};
        for (const FieldSpec& spec : format.code_fields(codes.params, codes.shape))
            codes.fields.push_back(make_field(spec));
        const float scale = 0.37f;
        codes.find("scales")->as<float>()[0] = scale;
        at::Tensor values = at::empty({kIn, kOut}, at::kFloat);
        for (std::int64_t block = 0; block < 3; ++block) {
            const std::int64_t end = std::min<std::int64_t>(kIn, 8 * block + 8);
            const Rounded result = rounded(target.slice(0, 8 * block, end), bits);
            values.slice(0, 8 * block, end).copy_(result.values);
            for (std::int64_t r = 0; r < kOut; ++r) {
                auto code = static_cast<std::uint32_t>(result.codes[0][r].item<std::int32_t>());
                if (bits > 2)
                    code =
                        code << (8 * (bits - 2)) | static_cast<std::uint32_t>(result.codes[1][r].item<std::int32_t>());
                const auto at = static_cast<std::size_t>(r * 3 + block);
                if (bits == 2) {
                    codes.find("codes")->as<std::uint16_t>()[at] = static_cast<std::uint16_t>(code);
                } else {
                    codes.find("codes")->as<std::uint32_t>()[at] = code;
                }
            }
        }
        const PackedTensor packed = unwrap(format.pack(codes));
        const auto reader = unwrap(format.bind(dwubit::view_of(packed)));
        at::Tensor decoded = at::empty({kOut, kIn}, at::kFloat);
        reader->dequantize(0, kOut, decoded.data_ptr<float>());
        EXPECT_TRUE(at::equal(decoded, values.t() * scale)) << bits;
    }
}

}  // namespace
}  // namespace dwubit::lab
