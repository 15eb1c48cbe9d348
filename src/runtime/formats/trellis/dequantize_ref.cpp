// trellis_dequantize_f32_ref: tiles to float32, in plain C++.
#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/float16.h"
#include "runtime/formats/trellis/hash.h"
#include "runtime/formats/trellis/layout.h"

namespace dwubit::trellis {
namespace {

const float* computed_values(TrellisCode code) {
    static const std::array<std::vector<float>, 3> made = {trellis_values(TrellisCode::k1Mad, {}),
                                                           trellis_values(TrellisCode::k3Inst, {}),
                                                           trellis_values(TrellisCode::kMul1, {})};
    return made.at(static_cast<std::size_t>(code)).data();
}

// Bit 15 of the hash flips the first number: those pairs again, behind the 512.
std::vector<float> flipped_pairs(const TensorView& table) {
    std::vector<float> pairs(2 * kPairs);
    for (std::size_t i = 0; i < kHybTableSize; ++i) {
        F16 value;
        std::memcpy(&value, table.bytes.data() + i * sizeof(value), sizeof(value));
        pairs[i] = to_float(value);
        pairs[kHybTableSize + i] = i % 2 == 0 ? -pairs[i] : pairs[i];
    }
    return pairs;
}

// The first numbers of the pairs, then the second ones.
std::vector<std::uint16_t> columns_of(const TensorView& table) {
    std::vector<std::uint16_t> columns(kHybTableSize);
    for (std::size_t i = 0; i < columns.size(); ++i) {
        std::memcpy(&columns[i % 2 * (columns.size() / 2) + i / 2], table.bytes.data() + i * sizeof(F16), sizeof(F16));
    }
    return columns;
}

class Reader : public FormatReader {
public:
    // table: HYB's pairs, else nullptr.
    Reader(const PackedView& packed, const TrellisParams& params, float scale, const TensorView* table)
        : pairs_(table == nullptr ? std::vector<float>() : flipped_pairs(*table)),
          halves_(table == nullptr ? std::vector<std::uint16_t>() : columns_of(*table)),
          matrix_{reinterpret_cast<const unsigned char*>(packed.find("codes")->bytes.data()),
                  pairs_.empty() ? computed_values(params.code) : pairs_.data(),
                  halves_.data(),
                  packed.shape[0],
                  packed.shape[1],
                  static_cast<Code>(params.code),
                  params.bits,
                  scale} {}

    const void* matrix() const override { return &matrix_; }

    void dequantize(std::int64_t first, std::int64_t count, float* out) const override {
        for (std::int64_t row = first; row < first + count; ++row) {
            const unsigned char* tile = band(matrix_, row / kTile);
            for (std::int64_t t = 0; t < tiles(matrix_); ++t, tile += tile_bytes(matrix_.bits), out += kTile) {
                for (std::int64_t column = 0; column < kTile; ++column) {
                    const std::uint32_t state = state_of(matrix_, tile, row % kTile, column);
                    out[column] = value_of(state, column) * matrix_.scale;
                }
            }
        }
    }

private:
    float value_of(std::uint32_t state, std::int64_t column) const {
        if (pairs_.empty()) return matrix_.values[state];
        const std::uint32_t hash = hyb_hash(state);
        const std::size_t pair = hyb_pair(hash) + (hyb_flips(hash) ? kPairs / 2 : 0);
        return pairs_[2 * pair + static_cast<std::size_t>(column % 2)];
    }

    std::vector<float> pairs_;
    std::vector<std::uint16_t> halves_;
    Matrix matrix_;
};

}  // namespace

Result<std::unique_ptr<FormatReader>> bind(const PackedView& packed) {
    DWUBIT_ASSIGN(const TrellisParams params, trellis_params(packed.params, packed.shape));
    DWUBIT_ASSIGN(const float scale, read_scale(*packed.find("scales")));
    const TensorView* const table = packed.find("codebook.0");
    if (table != nullptr) DWUBIT_TRY(check_table(*table, scale));
    return std::unique_ptr<FormatReader>(std::make_unique<Reader>(packed, params, scale, table));
}

}  // namespace dwubit::trellis
