#include "runtime/formats/e8p/e8p.h"

#include <gtest/gtest.h>

#include <limits>

#include "runtime/formats/e8p/table.h"
#include "support/random_codes.h"

namespace dwubit {
namespace {

using testing::random_codes;

// The formula of docs/formats/e8p.md, element by element.
std::vector<float> plain_values(const Codes& codes) {
    const E8pParams params = e8p_params(codes.params, codes.shape).value();
    const float scale = codes.find("scales")->as<float>()[0];
    const std::int64_t blocks = (codes.shape[1] + 7) / 8;
    std::vector<float> values;
    for (std::int64_t r = 0; r < codes.shape[0]; ++r) {
        for (std::int64_t c = 0; c < codes.shape[1]; ++c) {
            const auto at = static_cast<std::size_t>(r * blocks + c / 8);
            const auto i = static_cast<std::size_t>(c % 8);
            if (params.bits == 2) {
                const std::uint16_t code = codes.find("codes")->as<std::uint16_t>()[at];
                values.push_back(scale * (static_cast<float>(e8p::decode(code)[i]) / 4));
                continue;
            }
            const std::uint32_t code = codes.find("codes")->as<std::uint32_t>()[at];
            const auto first = static_cast<std::uint16_t>(params.bits == 3 ? code >> 8 : code >> 16);
            const float second = params.bits == 3 ? static_cast<float>(e8p::e8_points()[code & 255][i]) / 2
                                                  : static_cast<float>(e8p::decode(code & 65535)[i]) / 4;
            const auto factor = static_cast<float>(1 / params.residual);
            const float sum = static_cast<float>(e8p::decode(first)[i]) / 4 + second * factor;
            values.push_back(scale * sum);
        }
    }
    return values;
}

TEST(E8p, ValuesAreThoseOfTheFormula) {
    const Format& format = e8p_format();
    for (const Shape& shape : {Shape{8, 256}, Shape{2, 512}, Shape{5, 33}, Shape{3, 300}, Shape{1, 1}}) {
        for (const Json& params : format.test_params(shape)) {
            SCOPED_TRACE(to_string(shape) + dump_json(params));
            const Codes codes = random_codes(format, params, shape, 7);
            const PackedTensor packed = format.pack(codes).value();
            std::vector<float> values(static_cast<std::size_t>(shape[0] * shape[1]));
            format.bind(view_of(packed)).value()->dequantize(0, shape[0], values.data());
            EXPECT_EQ(values, plain_values(codes));
        }
    }
}

TEST(E8p, ACacheLineIsTwoPlanes) {
    const Format& format = e8p_format();
    const Json params = {{"bits", 2}};
    Codes codes{{1, 8 * 40}, params, {}};
    for (const FieldSpec& spec : format.code_fields(params, codes.shape)) codes.fields.push_back(make_field(spec));
    const auto list = codes.find("codes")->as<std::uint16_t>();
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = static_cast<std::uint16_t>((100 + i) << 8 | i);
    const PackedTensor packed = format.pack(codes).value();
    const auto bytes = packed.buffers[0].as<std::uint8_t>();
    ASSERT_EQ(bytes.size(), 80U);
    for (std::size_t i = 0; i < 40; ++i) {
        const std::size_t at = i < 32 ? i : 64 + i - 32;
        EXPECT_EQ(bytes[at], 100 + i);
        EXPECT_EQ(bytes[at + (i < 32 ? 32 : 8)], i);
    }
}

TEST(E8p, BitsAreExact) {
    const auto bits = [](const Json& params, const Shape& shape) {
        return count_bits(e8p_format(), e8p_format().check_params(params, shape).value(), shape).total;
    };
    EXPECT_EQ(bits({{"bits", 2}}, {512, 512}), 2 + 32 / (512.0 * 512));
    EXPECT_EQ(bits({{"bits", 3}}, {512, 512}), 3 + 32 / (512.0 * 512));
    EXPECT_EQ(bits({{"bits", 4}}, {512, 512}), 4 + 32 / (512.0 * 512));
    EXPECT_DOUBLE_EQ(bits({{"bits", 2}}, {3, 33}), (3 * 5 * 16 + 32) / 99.0);
}

TEST(E8p, ParametersAreChecked) {
    const auto message = [](const Json& params) {
        const Result<E8pParams> read = e8p_params(params, {4, 64});
        return read.ok() ? std::string("accepted") : read.error().message;
    };
    EXPECT_NE(message({{"bits", 5}}).find("'bits' must be 2, 3 or 4, got 5"), std::string::npos);
    EXPECT_NE(message(Json::object()).find("'bits'"), std::string::npos);
    EXPECT_NE(message({{"bits", 2}, {"residual", 2.0}}).find("'residual'"), std::string::npos);
    EXPECT_NE(message({{"bits", 3}, {"residual", 0.0}}).find("'residual'"), std::string::npos);
    EXPECT_NE(message({{"bits", 3}, {"group", 8}}).find("'group' is not known"), std::string::npos);
    EXPECT_EQ(message({{"bits", 4}, {"residual", 3}}), "accepted");
    EXPECT_EQ(e8p_params({{"bits", 3}}, {4, 64})->residual, 2.04);
    EXPECT_EQ(e8p_params({{"bits", 4}}, {4, 64})->residual, 3.45);
}

TEST(E8p, RefusesAScaleThatIsNotFinite) {
    const Format& format = e8p_format();
    const Codes codes = random_codes(format, {{"bits", 2}}, {2, 16}, 3);
    PackedTensor packed = format.pack(codes).value();
    packed.buffers[1].as<float>()[0] = std::numeric_limits<float>::infinity();
    const auto bound = format.bind(view_of(packed));
    ASSERT_FALSE(bound.ok());
    EXPECT_NE(bound.error().message.find("'scales'"), std::string::npos);
    EXPECT_FALSE(format.unpack(view_of(packed)).ok());
    Codes bad = codes;
    bad.find("scales")->as<float>()[0] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(format.pack(bad).ok());
}

}  // namespace
}  // namespace dwubit
