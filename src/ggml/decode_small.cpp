// Floats, and the types with blocks of 32 weights.
#include <bit>

#include "ggml/decode.h"
#include "ggml/layout.h"
#include "ggml/tables.h"

namespace dwubit::ggml {
namespace {

// Calls value(block, i, low, high) for each byte of `qs`: weight i and weight 16 + i of the block.
template <class Block, class Value>
void decode_halves(const std::byte* in, std::int64_t blocks, float* out, const Value& value) {
    for (std::int64_t b = 0; b < blocks; ++b, out += kSmall) {
        const Block& block = reinterpret_cast<const Block*>(in)[b];
        const float d = read_f16(block.d);
        for (int i = 0; i < kSmall; ++i) {
            const int half = i < 16 ? block.qs[i] & 15 : block.qs[i - 16] >> 4;
            out[i] = value(block, d, i, half);
        }
    }
}

template <class Block>
int fifth_bit(const Block& block, int i) {
    return static_cast<int>(read_u32(block.qh) >> i & 1u) << 4;
}

}  // namespace

void decode_f32(const std::byte* in, std::int64_t blocks, float* out) {
    std::memcpy(out, in, static_cast<std::size_t>(blocks) * sizeof(float));
}

void decode_f16(const std::byte* in, std::int64_t blocks, float* out) {
    const auto* const bytes = reinterpret_cast<const Byte*>(in);
    for (std::int64_t i = 0; i < blocks; ++i) out[i] = read_f16(bytes + 2 * i);
}

void decode_bf16(const std::byte* in, std::int64_t blocks, float* out) {
    const auto* const bytes = reinterpret_cast<const Byte*>(in);
    for (std::int64_t i = 0; i < blocks; ++i) out[i] = to_float(Bf16{read_u16(bytes + 2 * i)});
}

void decode_q4_0(const std::byte* in, std::int64_t blocks, float* out) {
    decode_halves<BlockQ40>(in, blocks, out,
                            [](const BlockQ40&, float d, int, int q) { return d * static_cast<float>(q - 8); });
}

void decode_q4_1(const std::byte* in, std::int64_t blocks, float* out) {
    decode_halves<BlockQ41>(in, blocks, out, [](const BlockQ41& block, float d, int, int q) {
        return d * static_cast<float>(q) + read_f16(block.m);
    });
}

void decode_q5_0(const std::byte* in, std::int64_t blocks, float* out) {
    decode_halves<BlockQ50>(in, blocks, out, [](const BlockQ50& block, float d, int i, int q) {
        return d * static_cast<float>((q | fifth_bit(block, i)) - 16);
    });
}

void decode_q5_1(const std::byte* in, std::int64_t blocks, float* out) {
    decode_halves<BlockQ51>(in, blocks, out, [](const BlockQ51& block, float d, int i, int q) {
        return d * static_cast<float>(q | fifth_bit(block, i)) + read_f16(block.m);
    });
}

void decode_q8_0(const std::byte* in, std::int64_t blocks, float* out) {
    for (std::int64_t b = 0; b < blocks; ++b, out += kSmall) {
        const BlockQ80& block = reinterpret_cast<const BlockQ80*>(in)[b];
        const float d = read_f16(block.d);
        for (int i = 0; i < kSmall; ++i) out[i] = static_cast<float>(static_cast<std::int8_t>(block.qs[i])) * d;
    }
}

void decode_iq4_nl(const std::byte* in, std::int64_t blocks, float* out) {
    decode_halves<BlockIq4Nl>(in, blocks, out, [](const BlockIq4Nl&, float d, int, int q) {
        return d * static_cast<float>(kIq4NlValues[q]);
    });
}

}  // namespace dwubit::ggml
