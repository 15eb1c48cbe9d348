// Formats whose bytes are blocks of ggml (src/ggml), as GGUF files hold them: iq2_xxs and what goes with it. One
// implementation; a format's folder says which block type it is and lists its kernels. docs/formats/ggml.md
//
//   buffer  codes   u8 [out, blocks * bytes of a block]: rows of blocks, byte for byte those of a GGUF file
//   Codes   scales  f16 [out, blocks * scales of a block]: the floats of a block
//           codes   u8 [out, blocks * other bytes]: the rest, in the block's order
#pragma once

#include "ggml/block_type.h"
#include "runtime/formats/format.h"

namespace dwubit {

struct BlockSpec {
    const char* id;    // of the format: "q4_k"
    const char* type;  // of the block: "Q4_K"
    int bits;          // of a code
    int scale_offset;  // in a block: where its F16 numbers stand, one after another
    int scale_count;
};

// The functions of a Format, for any spec.
Result<Json> check_block_params(const BlockSpec& spec, const Json& params, const Shape& shape);
std::vector<FieldSpec> block_code_fields(const BlockSpec& spec, const Shape& shape);
std::vector<FieldSpec> block_buffers(const BlockSpec& spec, const Shape& shape);
Result<PackedTensor> pack_blocks(const BlockSpec& spec, const Format& format, const Codes& codes);
Result<Codes> unpack_blocks(const BlockSpec& spec, const Format& format, const PackedView& packed);
Result<std::unique_ptr<FormatReader>> bind_blocks(const BlockSpec& spec, const PackedView& packed);
std::vector<Json> block_test_params(const BlockSpec& spec, const Shape& shape);

// The record of a format. kSpec and kFormat() are what the functions need, which have no other way to know it.
template <const BlockSpec& kSpec, const Format& (*kFormat)()>
Format make_block_format(std::span<const FormatKernel> kernels) {
    return {
        .id = kSpec.id,
        .version = 1,
        .bits = std::span(&kSpec.bits, 1),
        .check_params = [](const Json& params, const Shape& shape) { return check_block_params(kSpec, params, shape); },
        .code_fields = [](const Json&, const Shape& shape) { return block_code_fields(kSpec, shape); },
        .buffers = [](const Json&, const Shape& shape) { return block_buffers(kSpec, shape); },
        .pack = [](const Codes& codes) { return pack_blocks(kSpec, kFormat(), codes); },
        .unpack = [](const PackedView& packed) { return unpack_blocks(kSpec, kFormat(), packed); },
        .bind = [](const PackedView& packed) { return bind_blocks(kSpec, packed); },
        .kernels = kernels,
        .test_params = [](const Shape& shape) { return block_test_params(kSpec, shape); }};
}

}  // namespace dwubit
