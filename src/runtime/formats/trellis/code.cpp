#include "runtime/formats/trellis/code.h"

#include <array>
#include <string>

#include "base/check.h"
#include "base/error.h"
#include "base/float16.h"
#include "base/text.h"
#include "runtime/formats/trellis/hash.h"

namespace dwubit {
namespace {

struct Name {
    TrellisCode code;
    std::string_view text;
};
constexpr Name kNames[] = {{TrellisCode::k1Mad, "1mad"},
                           {TrellisCode::k3Inst, "3inst"},
                           {TrellisCode::kMul1, "mul1"},
                           {TrellisCode::kHyb, "hyb"}};

float value_3inst(std::uint32_t state) {
    using namespace trellis;
    const std::uint32_t x = ((k3InstFactor * state + k3InstTerm) & k3InstMask) ^ k3InstBits;
    const F16 low = {static_cast<std::uint16_t>(x & 0xffff)};
    const F16 high = {static_cast<std::uint16_t>(x >> 16)};
    // exact in float32, so that f16 rounds once
    return to_float(to_f16(to_float(low) + to_float(high)));
}

float value_of(TrellisCode code, std::uint32_t state) {
    using namespace trellis;
    switch (code) {
        case TrellisCode::k1Mad:
            return value_1mad(byte_sum(k1MadFactor * state + k1MadTerm));
        case TrellisCode::k3Inst:
            return value_3inst(state);
        case TrellisCode::kMul1:
            return value_mul1(byte_sum(kMul1Factor * state));
        case TrellisCode::kHyb:
            break;
    }
    DWUBIT_CHECK(!"values of HYB are in its table");
    return 0;
}

using Order = std::array<std::uint8_t, kTrellisTileSize>;

constexpr Order row_by_row() {
    Order order{};
    for (std::size_t p = 0; p < order.size(); ++p) order[p] = static_cast<std::uint8_t>(p);
    return order;
}

// p = 32 b + 8 d + 4 c + 2 a + e is row 8 a + b, column 8 c + 2 d + e.
constexpr Order fragments() {
    Order order{};
    for (unsigned p = 0; p < order.size(); ++p) {
        const unsigned b = p / 32, d = p / 8 % 4, c = p / 4 % 2, a = p / 2 % 2, e = p % 2;
        order[p] = static_cast<std::uint8_t>((8 * a + b) * kTrellisTile + 8 * c + 2 * d + e);
    }
    return order;
}

}  // namespace

std::string_view trellis_code_name(TrellisCode code) {
    for (const Name& name : kNames) {
        if (name.code == code) return name.text;
    }
    DWUBIT_CHECK(!"a code without a name");
    return "";
}

Result<TrellisCode> trellis_code_from_name(std::string_view name) {
    std::vector<std::string> all;
    std::string list;
    for (const Name& known : kNames) {
        if (known.text == name) return known.code;
        all.emplace_back(known.text);
        list += (list.empty() ? "" : ", ") + all.back();
    }
    const auto nearest = nearest_name(name, all);
    return errorf(ErrorKind::kInvalidInput, "trellis code '{}' is not known", printable(name))
        .with_hint(nearest ? fmt::format("did you mean '{}'?", *nearest) : "the codes are " + list);
}

int trellis_step_values(TrellisCode code) {
    return code == TrellisCode::kHyb ? 2 : 1;
}

std::vector<float> trellis_values(TrellisCode code, std::span<const std::uint16_t> table) {
    const bool hyb = code == TrellisCode::kHyb;
    DWUBIT_CHECK(table.size() == (hyb ? kHybTableSize : 0U));
    std::vector<float> values(static_cast<std::size_t>(trellis_step_values(code)) * kTrellisStates);
    for (std::uint32_t state = 0; state < kTrellisStates; ++state) {
        if (!hyb) {
            values[state] = value_of(code, state);
            continue;
        }
        const std::uint32_t hash = trellis::hyb_hash(state);
        const std::size_t pair = trellis::hyb_pair(hash);
        const float first = to_float(F16{table[2 * pair]});
        values[state] = trellis::hyb_flips(hash) ? -first : first;
        values[kTrellisStates + state] = to_float(F16{table[2 * pair + 1]});
    }
    return values;
}

std::span<const std::uint8_t, kTrellisTileSize> trellis_order(TrellisCode code, int bits) {
    static constexpr Order kRowByRow = row_by_row();
    static constexpr Order kFragments = fragments();
    return code == TrellisCode::kHyb && bits >= 2 ? kFragments : kRowByRow;
}

}  // namespace dwubit
