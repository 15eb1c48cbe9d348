#include "runtime/formats/uniform_group/uniform_group.h"

#include <gtest/gtest.h>

#include "base/float16.h"
#include "support/random_codes.h"

namespace dwubit {
namespace {

using testing::random_codes;
using Grid = UniformGroupParams::Grid;

Json params_of(int bits, std::int64_t group, const char* grid, bool perm) {
    return {{"bits", bits}, {"group", group}, {"grid", grid}, {"perm", perm}};
}

double total_bits(const Json& params, const Shape& shape) {
    return count_bits(uniform_group_format(), params, shape).total;
}

// The formula of docs/formats/uniform_group.md, element by element.
std::vector<float> plain_values(const Codes& codes) {
    const UniformGroupParams params = uniform_group_params(codes.params, codes.shape).value();
    const std::int64_t out = codes.shape[0];
    const std::int64_t in = codes.shape[1];
    const Field* zeros = codes.find("zeros");
    const Field* perm = codes.find("perm");
    std::vector<float> values(static_cast<std::size_t>(out * in));
    for (std::int64_t r = 0; r < out; ++r) {
        for (std::int64_t j = 0; j < in; ++j) {
            const auto element = static_cast<std::size_t>(r * in + j);
            const auto group = static_cast<std::size_t>(r * params.groups(in) + j / params.group);
            const double scale = to_float(codes.find("scales")->as<F16>()[group]);
            const double code = codes.find("codes")->as<std::uint8_t>()[element];
            const double offset = zeros != nullptr ? zeros->as<std::uint8_t>()[group] : ((1 << params.bits) - 1) / 2.0;
            const auto column =
                perm != nullptr ? std::int64_t{perm->as<std::uint32_t>()[static_cast<std::size_t>(j)]} : j;
            values[static_cast<std::size_t>(r * in + column)] = static_cast<float>(scale * (code - offset));
        }
    }
    return values;
}

TEST(UniformGroup, ValuesAreThoseOfTheFormula) {
    const Format& format = uniform_group_format();
    for (const Shape& shape : {Shape{8, 256}, Shape{5, 33}, Shape{3, 100}, Shape{1, 1}}) {
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

TEST(UniformGroup, BitsAreExact) {
    EXPECT_EQ(total_bits(params_of(2, 128, "zero", false), {512, 512}), 2 + 16 / 128.0 + 2 / 128.0);
    EXPECT_EQ(total_bits(params_of(2, 128, "zero", false), {512, 1792}), 2 + 16 / 128.0 + 2 / 128.0);
    EXPECT_EQ(total_bits(params_of(2, 128, "mirror", false), {512, 512}), 2 + 16 / 128.0);
    EXPECT_EQ(total_bits(params_of(2, 128, "mirror", true), {512, 512}), 2 + 16 / 128.0 + 16 / 512.0);
    EXPECT_EQ(total_bits(params_of(3, 64, "zero", false), {512, 512}), 3 + 16 / 64.0 + 3 / 64.0);
    EXPECT_EQ(total_bits(params_of(2, 512, "zero", false), {512, 512}), 2 + 16 / 512.0 + 2 / 512.0);
    // 33 codes of 2 bits are 9 bytes; two groups; 2 x 2 zeros of 2 bits are one byte.
    EXPECT_DOUBLE_EQ(total_bits(params_of(2, 32, "zero", false), {2, 33}), (2 * 9 + 2 * 2 * 2 + 1) * 8 / 66.0);
    // More than 65,536 channels need 32-bit indices.
    EXPECT_EQ(total_bits(params_of(2, 128, "mirror", true), {4, 65536}), 2 + 16 / 128.0 + 16 / 4.0);
    EXPECT_EQ(total_bits(params_of(2, 128, "mirror", true), {4, 131072}), 2 + 16 / 128.0 + 32 / 4.0);
}

TEST(UniformGroup, ParametersAreChecked) {
    const Shape shape = {4, 256};
    const auto message = [&](const Json& params) {
        const Result<UniformGroupParams> read = uniform_group_params(params, shape);
        return read.ok() ? std::string("accepted") : read.error().message;
    };
    EXPECT_NE(message(params_of(5, 128, "zero", false)).find("'bits' must be 2, 3, 4 or 8, got 5"), std::string::npos);
    EXPECT_NE(message(params_of(2, 24, "zero", false)).find("'group' must be a multiple of 8"), std::string::npos);
    EXPECT_NE(message(params_of(2, 100, "zero", false)).find("'group' must be a multiple of 8"), std::string::npos);
    EXPECT_NE(message(params_of(2, 0, "zero", false)).find("'group'"), std::string::npos);
    EXPECT_NE(message(params_of(2, 128, "none", false)).find("'grid' must be \"zero\" or \"mirror\""),
              std::string::npos);
    EXPECT_NE(message({{"bits", 2}, {"grid", "zero"}}).find("'group'"), std::string::npos);
    EXPECT_EQ(message(params_of(2, 72, "zero", false)), "accepted");
    // A group longer than the row is the row.
    EXPECT_EQ(uniform_group_params(params_of(2, 1024, "zero", false), shape)->group, 256);
    EXPECT_EQ(uniform_group_params(params_of(2, 128, "zero", false), {4, 33})->group, 33);
}

TEST(UniformGroup, LargePermutationKeeps32Bits) {
    const Format& format = uniform_group_format();
    const Shape shape = {1, 65537};
    const Codes codes =
        random_codes(format, format.check_params(params_of(2, 128, "zero", true), shape).value(), shape, 3);
    const PackedTensor packed = format.pack(codes).value();
    EXPECT_EQ(view_of(packed).find("perm")->dtype, DType::kU32);
    EXPECT_EQ(format.unpack(view_of(packed))->find("perm")->bytes, codes.find("perm")->bytes);
}

// Bytes of a file that passed check_packed() and still make no sense.
TEST(UniformGroup, RefusesContentsThatMakeNoSense) {
    const Format& format = uniform_group_format();
    const Shape shape = {2, 64};
    const Codes codes = random_codes(format, params_of(2, 32, "zero", true), shape, 3);
    const PackedTensor good = format.pack(codes).value();
    const auto expect_error = [&](const PackedTensor& bad, const std::string& text) {
        ASSERT_TRUE(check_packed(format, view_of(bad), "memory").ok());
        const auto bound = format.bind(view_of(bad));
        ASSERT_FALSE(bound.ok());
        EXPECT_EQ(bound.error().kind, ErrorKind::kInvalidInput);
        EXPECT_NE(bound.error().message.find(text), std::string::npos) << bound.error().message;
        EXPECT_FALSE(format.unpack(view_of(bad)).ok());
    };
    PackedTensor bad = good;
    bad.buffers[1].as<std::uint16_t>()[3] = 0x7c00;
    expect_error(bad, "'scales' has a value that is not finite at element 3");
    bad = good;
    bad.buffers[3].as<std::uint16_t>()[5] = bad.buffers[3].as<std::uint16_t>()[4];
    expect_error(bad, "'perm' is no permutation of 64 channels: element 5");
    bad = good;
    bad.buffers[3].as<std::uint16_t>()[5] = 64;
    expect_error(bad, "element 5 is 64");
}

}  // namespace
}  // namespace dwubit
