#include "runtime/formats/trellis/trellis.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/philox.h"
#include "support/random_codes.h"

namespace dwubit {
namespace {

using testing::random_codes;

std::vector<std::uint16_t> table_of(const Codes& codes) {
    const Field* const table = codes.find("codebook.0");
    if (table == nullptr) return {};
    const auto bits = table->as<std::uint16_t>();
    return {bits.begin(), bits.end()};
}

// The formula of docs/formats/trellis.md: bits in a row, states from them, values in the order of the sequence.
std::vector<float> plain_values(const Codes& codes) {
    const TrellisParams params = trellis_params(codes.params, codes.shape).value();
    const std::vector<float> values = trellis_values(params.code, table_of(codes));
    const auto order = trellis_order(params.code, params.bits);
    const float scale = codes.find("scales")->as<float>()[0];
    const auto all = codes.find("codes")->as<std::uint8_t>();
    const auto steps = static_cast<std::size_t>(params.steps());
    const auto in = static_cast<std::size_t>(codes.shape[1]);
    std::vector<float> weights(static_cast<std::size_t>(codes.shape[0]) * in);
    for (std::size_t tile = 0; tile * steps < all.size(); ++tile) {
        std::vector<int> stream;
        for (const std::uint8_t code : all.subspan(tile * steps, steps)) {
            for (int b = params.step_bits() - 1; b >= 0; --b) stream.push_back(code >> b & 1);
        }
        for (std::size_t p = 0; p < kTrellisTileSize; ++p) {
            const auto width = static_cast<std::size_t>(trellis_step_values(params.code));
            std::size_t state = 0;
            for (std::size_t i = 0; i < kTrellisStateBits; ++i) {
                const std::size_t bit = p / width * static_cast<std::size_t>(params.step_bits()) + i;
                state = 2 * state + static_cast<std::size_t>(stream[bit % stream.size()]);
            }
            const std::size_t row = tile / (in / 16) * 16 + order[p] / 16U;
            const std::size_t column = tile % (in / 16) * 16 + order[p] % 16U;
            weights[row * in + column] = values[p % width * kTrellisStates + state] * scale;
        }
    }
    return weights;
}

TEST(Trellis, ValuesAreThoseOfTheFormula) {
    const Format& format = trellis_format();
    for (const Shape& shape : {Shape{16, 16}, Shape{48, 80}, Shape{16, 256}}) {
        ASSERT_EQ(format.test_params(shape).size(), 16U);
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

// Lane r of the register is stream bits 32 r to 32 r + 31, the first one highest.
TEST(Trellis, ATileOfTwoBitsIsSixteenWords) {
    const Format& format = trellis_format();
    const Json params = {{"bits", 2}, {"code", "mul1"}};
    Codes codes{{16, 16}, params, {}};
    for (const FieldSpec& spec : format.code_fields(params, codes.shape)) codes.fields.push_back(make_field(spec));
    Philox random(2);
    const auto list = codes.find("codes")->as<std::uint8_t>();
    for (std::uint8_t& code : list) code = static_cast<std::uint8_t>(random.next_below(4));
    PackedTensor packed = format.pack(codes).value();
    const auto words = packed.buffers[0].as<std::uint32_t>();
    ASSERT_EQ(words.size(), 16U);
    for (std::size_t r = 0; r < 16; ++r) {
        std::uint32_t word = 0;
        for (std::size_t c = 0; c < 16; ++c) word = word << 2 | list[16 * r + c];
        EXPECT_EQ(words[r], word) << r;
    }
}

TEST(Trellis, BitsAreExact) {
    const auto bits = [](const char* code, int k, const Shape& shape) {
        const Json params = {{"code", code}, {"bits", k}};
        return count_bits(trellis_format(), trellis_format().check_params(params, shape).value(), shape).total;
    };
    for (int k = 1; k <= 4; ++k) {
        EXPECT_EQ(bits("mul1", k, {512, 512}), k + 32 / (512.0 * 512));
        EXPECT_EQ(bits("hyb", k, {512, 512}), k + (32 + 512 * 2 * 16) / (512.0 * 512));
    }
}

// States of a path come back from its codes; states that are none do not.
TEST(Trellis, StatesBecomeCodesAndBack) {
    for (const Json& json : trellis_format().test_params({16, 16})) {
        SCOPED_TRACE(dump_json(json));
        const TrellisParams params = trellis_params(json, {16, 16}).value();
        Philox random(4);
        std::vector<std::uint8_t> codes(3 * static_cast<std::size_t>(params.steps()));
        for (std::uint8_t& code : codes) {
            code = static_cast<std::uint8_t>(random.next_below(std::uint64_t{1} << params.step_bits()));
        }
        std::vector<std::uint16_t> states = trellis_states(params, codes);
        EXPECT_EQ(trellis_codes(params, states), codes);
        const auto steps = static_cast<std::size_t>(params.steps());
        for (std::size_t t = 0; t < states.size(); ++t) {
            const std::size_t next = t / steps * steps + (t + 1) % steps;
            EXPECT_EQ(states[next] >> params.step_bits(), states[t] & ((1 << (16 - params.step_bits())) - 1)) << t;
        }
        states[5] ^= 1;
        EXPECT_NE(trellis_states(params, trellis_codes(params, states)), states);
    }
}

TEST(Trellis, ParametersAreChecked) {
    const auto message = [](const Json& params, const Shape& shape = {32, 64}) {
        const Result<TrellisParams> read = trellis_params(params, shape);
        return read.ok() ? std::string("accepted") : read.error().message;
    };
    const Json good = {{"code", "mul1"}, {"bits", 2}};
    EXPECT_EQ(message(good), "accepted");
    EXPECT_NE(message({{"code", "mul1"}, {"bits", 5}}).find("'bits' must be 1, 2, 3 or 4, got 5"), std::string::npos);
    EXPECT_NE(message({{"code", "mul2"}, {"bits", 2}}).find("'mul2' is not known"), std::string::npos);
    EXPECT_NE(message({{"bits", 2}}).find("'code'"), std::string::npos);
    EXPECT_NE(message({{"code", 3}, {"bits", 2}}).find("'code'"), std::string::npos);
    EXPECT_NE(message({{"code", "mul1"}}).find("'bits'"), std::string::npos);
    EXPECT_NE(message({{"code", "mul1"}, {"bits", 2}, {"group", 8}}).find("'group' is not known"), std::string::npos);
    EXPECT_NE(message(good, {30, 64}).find("30 rows, which is no multiple of 16"), std::string::npos);
    EXPECT_NE(message(good, {32, 60}).find("60 columns, which is no multiple of 16"), std::string::npos);
    EXPECT_TRUE(trellis_format().test_params({30, 64}).empty());
}

TEST(Trellis, RefusesWhatIsNotFinite) {
    const Format& format = trellis_format();
    const Codes codes = random_codes(format, {{"bits", 2}, {"code", "hyb"}}, {16, 32}, 3);
    const PackedTensor good = format.pack(codes).value();
    const auto expect_refused = [&](PackedTensor packed, const char* field) {
        const auto bound = format.bind(view_of(packed));
        ASSERT_FALSE(bound.ok());
        EXPECT_EQ(bound.error().kind, ErrorKind::kInvalidInput);
        EXPECT_NE(bound.error().message.find(field), std::string::npos) << bound.error().message;
        EXPECT_FALSE(format.unpack(view_of(packed)).ok());
    };
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::max()}) {
        PackedTensor packed = good;
        packed.buffers[1].as<float>()[0] = bad;
        expect_refused(packed, "'scales'");
        Codes changed = codes;
        changed.find("scales")->as<float>()[0] = bad;
        EXPECT_FALSE(format.pack(changed).ok());
    }
    for (const std::uint16_t bad : {std::uint16_t{0x7c00}, std::uint16_t{0xfe01}}) {
        PackedTensor packed = good;
        packed.buffers[2].as<std::uint16_t>()[1000] = bad;
        expect_refused(packed, "'codebook.0' has a value that is not finite at element 1000");
    }
    PackedTensor packed = good;
    packed.buffers[1].as<float>()[0] = 1e36f;
    packed.buffers[2].as<std::uint16_t>()[7] = 0x7bff;  // 65504
    expect_refused(packed, "'codebook.0' has a value that is not finite times the scale at element 7");
}

}  // namespace
}  // namespace dwubit
