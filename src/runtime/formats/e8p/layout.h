// Where the bits of an e8p matrix [out, in] lie. Normative text: docs/formats/e8p.md.
//
//   codes    U8 [out, blocks * bits]   blocks = ceil(in / 8): a code stands for 8 neighbours of a row, the last one's
//   rest
//                                      is not used. A row is chunks of 32 codes (256 columns, one cache line at 2
//                                      bits), the last with the rest r of them; a chunk is one plane after another:
//
//       2 bits   | rows a: r bytes | signs s: r bytes |                                    code = 256 a + s
//       3 bits   | rows a: r bytes | signs s: r bytes | points e: r bytes |                + 65536 code ...
//       4 bits   | rows a: r bytes | signs s: r bytes | rows a2: r bytes | signs s2: r bytes |
//
//   scales   F32 [1]                   one scale for the matrix
//
// A kernel takes 32 bytes of each plane at once: rows look up absolute values, signs are masks of 8 bits. Where a
// method hands codes over they are U16 [out, blocks] at 2 bits, else U32: the first stage's code times 256 (3 bits) or
// 65536 (4 bits) plus the second's.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/formats/e8p/e8p.h"
#include "runtime/formats/e8p/table.h"

namespace dwubit::e8p {

constexpr std::int64_t kChunk = 32;  // codes

inline std::int64_t blocks(std::int64_t in) {
    return (in + kWidth - 1) / kWidth;
}

// The planes of a row from the chunk that begins with code `first` on: plane p starts at data + p * count.
struct Chunk {
    const std::byte* data;
    std::int64_t count;
};
inline Chunk chunk_at(const std::byte* row, std::int64_t first, std::int64_t all, int bits) {
    return {row + first * bits, std::min(kChunk, all - first)};
}

// The entries of Format. Contracts: runtime/formats/format.h.
Result<PackedTensor> pack(const Codes& codes);
Result<Codes> unpack(const PackedView& packed);
Result<std::unique_ptr<FormatReader>> bind(const PackedView& packed);

// The scale; an error where it is not finite.
Result<float> read_scale(const TensorView& scales);

// The codes of a chunk and what they stand for, by whatever kernel: out[j] = scale * value of column j for `count`
// codes, 8 * count values.
struct Decoder {
    float scale;
    float second;  // what stage 2 is multiplied with before it is added: 1 / residual
};
void dequantize_chunk_ref(const Decoder& decoder, int bits, const Chunk& chunk, float* out);

}  // namespace dwubit::e8p
