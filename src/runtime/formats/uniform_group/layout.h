// Where the bits of a uniform_group matrix [out, in] lie. Normative text: docs/formats/uniform_group.md.
//
//   codes   U8 [out, ceil(in * bits / 8)]     a row starts at a byte; inside it code j is bits [j*bits, (j+1)*bits),
//                                             counted from the lowest bit of the first byte
//
//           2 bits   byte 0                    byte 1
//                    |c3 c3 c2 c2 c1 c1 c0 c0| |c7 c7 c6 c6 c5 c5 c4 c4| ...      highest bit of a byte on the left
//           3 bits   |c2 c2 c1 c1 c1 c0 c0 c0| |c5 c4 c4 c4 c3 c3 c3 c2| |c7 c7 c7 c6 c6 c6 c5 c5|
//           4 bits   |c1 c1 c1 c1 c0 c0 c0 c0| ...
//           8 bits   |c0 c0 c0 c0 c0 c0 c0 c0| ...
//
//   scales  F16 [out, groups]                 group g covers stored columns [g*group, min((g+1)*group, in))
//   zeros   U8 [ceil(out * groups * bits / 8)]  one stream for the matrix, as the codes of a row; element r*groups + g
//                                             (eight rows are whole bytes). Grid "zero" only
//   perm    U16 or U32 [in]                   stored column j is input channel perm[j]. U16 up to 65,536 channels
//
// Groups are multiples of 8 (or a whole row), so each starts at a byte for every width, and 8 codes are `bits` bytes: a
// kernel reads them as one little-endian integer and shifts, or with one multishift. Bits after the last code are 0.
#pragma once

#include <cstdint>

#include "runtime/formats/uniform_group/uniform_group.h"

namespace dwubit::uniform_group {

inline std::int64_t stream_bytes(std::int64_t count, int bits) {
    return (count * bits + 7) / 8;
}

inline DType perm_dtype(std::int64_t in) {
    return in <= 65536 ? DType::kU16 : DType::kU32;
}

// Element `index` of a stream; reads no byte that has none of its bits.
inline unsigned read_element(const std::byte* stream, std::int64_t index, int bits) {
    const std::int64_t bit = index * bits;
    const std::byte* const at = stream + bit / 8;
    const int shift = static_cast<int>(bit % 8);
    unsigned value = std::to_integer<unsigned>(at[0]) >> shift;
    if (shift + bits > 8) value |= std::to_integer<unsigned>(at[1]) << (8 - shift);
    return value & ((1U << bits) - 1);
}

// The same place set, where it was 0.
inline void write_element(std::byte* stream, std::int64_t index, int bits, unsigned value) {
    const std::int64_t bit = index * bits;
    std::byte* const at = stream + bit / 8;
    const int shift = static_cast<int>(bit % 8);
    at[0] |= static_cast<std::byte>(value << shift);
    if (shift + bits > 8) at[1] |= static_cast<std::byte>(value >> (8 - shift));
}

// The entries of Format. Contracts: runtime/formats/format.h.
Result<PackedTensor> pack(const Codes& codes);
Result<Codes> unpack(const PackedView& packed);
Result<std::unique_ptr<FormatReader>> bind(const PackedView& packed);

// `perm` as integers; an error unless it is a permutation. Empty without one.
Result<std::vector<std::uint32_t>> read_perm(const PackedView& packed, const UniformGroupParams& params);
// An error naming the element for a scale that is NaN or infinite.
Result<void> check_scales(const TensorView& scales);

}  // namespace dwubit::uniform_group
