#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/error.h"
#include "base/float16.h"
#include "runtime/formats/trellis/layout.h"

namespace dwubit {
namespace trellis {
namespace {

// A tile's stream as 16-bit words with the first bit highest.
void pack_tile(std::span<const std::uint8_t> codes, const TrellisParams& params, std::byte* tile) {
    std::uint32_t bits = 0;  // the last of them are not written yet
    int waiting = 0;
    std::int64_t word = 0;
    for (const std::uint8_t code : codes) {
        bits = bits << params.step_bits() | code;
        waiting += params.step_bits();
        if (waiting < 16) continue;
        waiting -= 16;
        const std::uint32_t whole = bits >> waiting;
        std::byte* const at = tile + word_offset(params.bits, word++);
        at[0] = static_cast<std::byte>(whole & 255);
        at[1] = static_cast<std::byte>(whole >> 8 & 255);
    }
}

void unpack_tile(const std::byte* tile, const TrellisParams& params, std::span<std::uint8_t> codes) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(tile);
    std::int64_t bit = 0;
    for (std::uint8_t& code : codes) {
        code = static_cast<std::uint8_t>(window(bytes, params.bits, bit) >> (16 - params.step_bits()));
        bit += params.step_bits();
    }
}

Result<void> check_contents(const TensorView& scales, const TensorView* table) {
    DWUBIT_ASSIGN(const float scale, read_scale(scales));
    if (table != nullptr) DWUBIT_TRY(check_table(*table, scale));
    return {};
}

TensorView view_of_field(const Field& field) {
    return {field.name, field.dtype, field.shape, field.bytes, ""};
}

}  // namespace

Result<float> read_scale(const TensorView& scales) {
    constexpr float kLargestValue = 4;  // of 1MAD, 3INST and MUL1
    float scale = 0;
    std::memcpy(&scale, scales.bytes.data(), sizeof(scale));
    if (std::isfinite(scale * kLargestValue)) return scale;
    return errorf(ErrorKind::kInvalidInput, "field 'scales' has a value that is not finite{} at element 0",
                  std::isfinite(scale) ? " times a weight" : "");
}

Result<void> check_table(const TensorView& table, float scale) {
    for (std::size_t i = 0; i < kHybTableSize; ++i) {
        F16 value;
        std::memcpy(&value, table.bytes.data() + i * sizeof(value), sizeof(value));
        if (std::isfinite(to_float(value) * scale)) continue;
        return errorf(ErrorKind::kInvalidInput, "field 'codebook.0' has a value that is not finite{} at element {}",
                      std::isfinite(to_float(value)) ? " times the scale" : "", i);
    }
    return {};
}

Result<PackedTensor> pack(const Codes& codes) {
    const Format& format = trellis_format();
    PackedTensor packed{format.id, format.version, codes.shape, {}, {}};
    DWUBIT_ASSIGN(packed.params, check_codes(format, codes));
    DWUBIT_ASSIGN(const TrellisParams params, trellis_params(packed.params, codes.shape));
    for (const FieldSpec& spec : format.buffers(packed.params, codes.shape)) {
        const Field& from = *codes.find(spec.name);
        Field to = make_field(spec);
        if (spec.name != "codes") {
            to.bytes = from.bytes;
        } else {
            const auto steps = static_cast<std::size_t>(params.steps());
            const auto all = from.as<std::uint8_t>();
            std::byte* tile = to.bytes.data();
            for (std::size_t at = 0; at < all.size(); at += steps, tile += tile_bytes(params.bits)) {
                pack_tile(all.subspan(at, steps), params, tile);
            }
        }
        packed.buffers.push_back(std::move(to));
    }
    const Field* const table = codes.find("codebook.0");
    const TensorView table_view = table == nullptr ? TensorView{} : view_of_field(*table);
    DWUBIT_TRY(check_contents(view_of_field(*codes.find("scales")), table == nullptr ? nullptr : &table_view));
    return packed;
}

Result<Codes> unpack(const PackedView& packed) {
    const Format& format = trellis_format();
    Codes codes{packed.shape, {}, {}};
    DWUBIT_ASSIGN(codes.params, format.check_params(packed.params, packed.shape));
    DWUBIT_ASSIGN(const TrellisParams params, trellis_params(codes.params, packed.shape));
    DWUBIT_TRY(check_contents(*packed.find("scales"), packed.find("codebook.0")));
    for (const FieldSpec& spec : format.code_fields(codes.params, packed.shape)) {
        const TensorView& from = *packed.find(spec.name);
        Field to = make_field(spec);
        if (spec.name != "codes") {
            to.bytes.assign(from.bytes.begin(), from.bytes.end());
        } else {
            const auto steps = static_cast<std::size_t>(params.steps());
            const auto all = to.as<std::uint8_t>();
            const std::byte* tile = from.bytes.data();
            for (std::size_t at = 0; at < all.size(); at += steps, tile += tile_bytes(params.bits)) {
                unpack_tile(tile, params, all.subspan(at, steps));
            }
        }
        codes.fields.push_back(std::move(to));
    }
    return codes;
}

}  // namespace trellis

std::vector<std::uint8_t> trellis_codes(const TrellisParams& params, std::span<const std::uint16_t> states) {
    DWUBIT_CHECK(states.size() % static_cast<std::size_t>(params.steps()) == 0);
    std::vector<std::uint8_t> codes;
    codes.reserve(states.size());
    for (const std::uint16_t state : states) {
        codes.push_back(static_cast<std::uint8_t>(state >> (kTrellisStateBits - params.step_bits())));
    }
    return codes;
}

std::vector<std::uint16_t> trellis_states(const TrellisParams& params, std::span<const std::uint8_t> codes) {
    const auto steps = static_cast<std::size_t>(params.steps());
    const auto step_bits = static_cast<std::size_t>(params.step_bits());
    DWUBIT_CHECK(codes.size() % steps == 0);
    std::vector<std::uint16_t> states(codes.size());
    for (std::size_t start = 0; start < codes.size(); start += steps) {
        for (std::size_t t = 0; t < steps; ++t) {
            std::uint32_t state = 0;
            std::size_t have = 0;
            for (std::size_t next = t; have < kTrellisStateBits; ++next, have += step_bits) {
                state = state << step_bits | codes[start + next % steps];
            }
            states[start + t] = static_cast<std::uint16_t>(state >> (have - kTrellisStateBits));
        }
    }
    return states;
}

}  // namespace dwubit
