// e8p_dequantize_f32_ref: rows of codes to float32, in plain C++.
#include "runtime/formats/e8p/kernels.h"
#include "runtime/formats/e8p/layout.h"

namespace dwubit::e8p {
namespace {

constexpr float kQuarter = 0.25f;
constexpr float kHalf = 0.5f;

unsigned byte_of(const Chunk& chunk, int plane, std::int64_t code) {
    return std::to_integer<unsigned>(chunk.data[plane * chunk.count + code]);
}

Quarters lattice_point(const Chunk& chunk, int plane, std::int64_t code) {
    return decode(static_cast<std::uint16_t>(byte_of(chunk, plane, code) << 8 | byte_of(chunk, plane + 1, code)));
}

}  // namespace

void dequantize_chunk_ref(const Decoder& decoder, int bits, const Chunk& chunk, float* out) {
    for (std::int64_t code = 0; code < chunk.count; ++code, out += kWidth) {
        const Quarters first = lattice_point(chunk, 0, code);
        for (std::size_t i = 0; i < kWidth; ++i) out[i] = kQuarter * first[i];
        if (bits == 3) {
            const auto& point = e8_points()[byte_of(chunk, 2, code)];
            for (std::size_t i = 0; i < kWidth; ++i) out[i] += kHalf * point[i] * decoder.second;
        } else if (bits == 4) {
            const Quarters point = lattice_point(chunk, 2, code);
            for (std::size_t i = 0; i < kWidth; ++i) out[i] += kQuarter * point[i] * decoder.second;
        }
        for (std::size_t i = 0; i < kWidth; ++i) out[i] *= decoder.scale;
    }
}

namespace {

class Reader : public FormatReader {
public:
    Reader(const PackedView& packed, const E8pParams& params, float scale)
        : bits_(params.bits),
          in_(packed.shape[1]),
          codes_(packed.find("codes")->bytes.data()),
          decoder_{scale, params.bits == 2 ? 0 : static_cast<float>(1 / params.residual)},
          matrix_{reinterpret_cast<const unsigned char*>(codes_),
                  &kernel_tables(),
                  packed.shape[0],
                  in_,
                  blocks(in_),
                  bits_,
                  decoder_.scale,
                  decoder_.second} {}

    const void* matrix() const override { return &matrix_; }

    void dequantize(std::int64_t first, std::int64_t count, float* out) const override {
        const std::int64_t all = blocks(in_);
        float values[kChunk * kWidth];
        for (std::int64_t r = 0; r < count; ++r, out += in_) {
            const std::byte* const row = codes_ + (first + r) * all * bits_;
            for (std::int64_t code = 0; code < all; code += kChunk) {
                dequantize_chunk_ref(decoder_, bits_, chunk_at(row, code, all, bits_), values);
                // the last code stands for columns that the matrix need not have
                const std::int64_t columns = std::min(kChunk * kWidth, in_ - code * kWidth);
                std::copy_n(values, columns, out + code * kWidth);
            }
        }
    }

private:
    int bits_;
    std::int64_t in_;
    const std::byte* codes_;
    Decoder decoder_;
    Matrix matrix_;
};

}  // namespace

Result<std::unique_ptr<FormatReader>> bind(const PackedView& packed) {
    DWUBIT_ASSIGN(const E8pParams params, e8p_params(packed.params, packed.shape));
    DWUBIT_ASSIGN(const float scale, read_scale(*packed.find("scales")));
    return std::unique_ptr<FormatReader>(std::make_unique<Reader>(packed, params, scale));
}

}  // namespace dwubit::e8p
