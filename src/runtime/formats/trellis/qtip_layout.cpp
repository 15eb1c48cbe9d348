#include "runtime/formats/trellis/qtip_layout.h"

#include "base/check.h"
#include "base/error.h"

namespace dwubit::trellis {
namespace {

constexpr std::size_t kLanes = 32;
constexpr std::size_t kSide = kTrellisTile;

// Where the bytes of a layout lie. Stream byte b of a tile is byte at(tile row, tile column, b) of the tensor, whose
// words are little-endian.
class Places {
public:
    Places(const Shape& matrix, const TrellisParams& params)
        : tile_rows(static_cast<std::size_t>(matrix[0]) / kSide),
          tile_columns(static_cast<std::size_t>(matrix[1]) / kSide),
          kernel_order_(qtip_kernel_order(params)),
          bits_(static_cast<std::size_t>(params.bits)) {}

    std::size_t tile_bytes() const { return kLanes * bits_; }
    std::size_t bytes() const { return tile_rows * tile_columns * tile_bytes(); }

    std::size_t at(std::size_t row, std::size_t column, std::size_t byte) const {
        if (!kernel_order_) return (row * tile_columns + column) * tile_bytes() + (byte ^ 1);
        const std::size_t lane = byte / bits_;
        const std::size_t block = (row / 2 * (tile_columns / 2) + column / 2) * kLanes + lane;
        return ((block * 2 + column % 2) * 2 + row % 2) * bits_ + (bits_ - 1 - byte % bits_);
    }

    const std::size_t tile_rows;
    const std::size_t tile_columns;

private:
    bool kernel_order_;
    std::size_t bits_;
};

}  // namespace

Result<std::string_view> qtip_decode_mode(TrellisCode code) {
    switch (code) {
        case TrellisCode::k1Mad:
            return std::string_view("1mad");
        case TrellisCode::k3Inst:
            return std::string_view("3inst");
        case TrellisCode::kHyb:
            return std::string_view("quantlut_sym");
        case TrellisCode::kMul1:
            break;
    }
    return errorf(ErrorKind::kUnsupported, "QTIP's layout does not know the code {}", trellis_code_name(code))
        .with_hint("quantize with code=hyb, 3inst or 1mad");
}

bool qtip_kernel_order(const TrellisParams& params) {
    return params.code == TrellisCode::kHyb && params.bits >= 2;
}

Result<Shape> qtip_shape(const Shape& matrix, const TrellisParams& params) {
    const bool kernel = qtip_kernel_order(params);
    const std::int64_t rows = kernel ? 32 : 16;
    const std::int64_t columns = kernel ? 64 : 16;
    if (matrix[0] % rows != 0 || matrix[1] % columns != 0) {
        return errorf(ErrorKind::kUnsupported,
                      "a matrix {} does not fit QTIP's layout: rows must be a multiple of {}, columns of {}",
                      to_string(matrix), rows, columns);
    }
    return Shape{matrix[0] / kTrellisTile * (matrix[1] / kTrellisTile), 16 * params.bits};
}

std::vector<std::uint16_t> to_qtip(std::span<const std::uint8_t> codes, const Shape& matrix,
                                   const TrellisParams& params) {
    const Places places(matrix, params);
    const auto width = static_cast<std::size_t>(params.step_bits());
    const auto steps = static_cast<std::size_t>(params.steps());
    DWUBIT_CHECK(codes.size() == places.tile_rows * places.tile_columns * steps);
    std::vector<std::uint8_t> bytes(places.bytes());
    for (std::size_t row = 0; row < places.tile_rows; ++row) {
        for (std::size_t column = 0; column < places.tile_columns; ++column) {
            const std::uint8_t* const tile = codes.data() + (row * places.tile_columns + column) * steps;
            for (std::size_t bit = 0; bit < steps * width; ++bit) {
                const unsigned set = tile[bit / width] >> (width - 1 - bit % width) & 1U;
                std::uint8_t& byte = bytes[places.at(row, column, bit / 8)];
                byte = static_cast<std::uint8_t>(byte | set << (7 - bit % 8));
            }
        }
    }
    std::vector<std::uint16_t> words(bytes.size() / 2);
    for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = static_cast<std::uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
    }
    return words;
}

std::vector<std::uint8_t> from_qtip(std::span<const std::uint16_t> words, const Shape& matrix,
                                    const TrellisParams& params) {
    const Places places(matrix, params);
    const auto width = static_cast<std::size_t>(params.step_bits());
    const auto steps = static_cast<std::size_t>(params.steps());
    DWUBIT_CHECK(2 * words.size() == places.bytes());
    std::vector<std::uint8_t> codes(places.tile_rows * places.tile_columns * steps);
    for (std::size_t row = 0; row < places.tile_rows; ++row) {
        for (std::size_t column = 0; column < places.tile_columns; ++column) {
            std::uint8_t* const tile = codes.data() + (row * places.tile_columns + column) * steps;
            for (std::size_t bit = 0; bit < steps * width; ++bit) {
                const std::size_t at = places.at(row, column, bit / 8);
                const unsigned byte = words[at / 2] >> (8 * (at % 2)) & 0xffU;
                std::uint8_t& code = tile[bit / width];
                code = static_cast<std::uint8_t>(2 * code + (byte >> (7 - bit % 8) & 1U));
            }
        }
    }
    return codes;
}

}  // namespace dwubit::trellis
