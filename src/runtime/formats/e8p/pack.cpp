#include <cmath>
#include <cstring>

#include "base/error.h"
#include "runtime/formats/e8p/layout.h"

namespace dwubit::e8p {
namespace {

// The bytes of one code, which the planes hold apart: highest first.
template <class T>
void pack_rows(std::span<const T> codes, std::int64_t count, int bits, std::byte* out) {
    for (std::size_t start = 0; start < codes.size(); start += static_cast<std::size_t>(count)) {
        for (std::int64_t first = 0; first < count; first += kChunk) {
            const std::int64_t r = std::min(kChunk, count - first);
            for (int plane = 0; plane < bits; ++plane) {
                for (std::int64_t i = 0; i < r; ++i) {
                    const std::uint32_t code = codes[start + static_cast<std::size_t>(first + i)];
                    *out++ = static_cast<std::byte>(code >> (8 * (bits - 1 - plane)) & 255);
                }
            }
        }
    }
}

template <class T>
void unpack_rows(const std::byte* from, std::int64_t count, int bits, std::span<T> codes) {
    for (std::size_t start = 0; start < codes.size(); start += static_cast<std::size_t>(count)) {
        for (std::int64_t first = 0; first < count; first += kChunk) {
            const std::int64_t r = std::min(kChunk, count - first);
            for (int plane = 0; plane < bits; ++plane) {
                for (std::int64_t i = 0; i < r; ++i) {
                    T& code = codes[start + static_cast<std::size_t>(first + i)];
                    code = static_cast<T>(code << 8 | std::to_integer<unsigned>(*from++));
                }
            }
        }
    }
}

}  // namespace

Result<float> read_scale(const TensorView& scales) {
    float scale = 0;
    std::memcpy(&scale, scales.bytes.data(), sizeof(scale));
    if (std::isfinite(scale)) return scale;
    return errorf(ErrorKind::kInvalidInput, "field 'scales' has a value that is not finite at element 0");
}

Result<PackedTensor> pack(const Codes& codes) {
    const Format& format = e8p_format();
    PackedTensor packed{format.id, format.version, codes.shape, {}, {}};
    DWUBIT_ASSIGN(packed.params, check_codes(format, codes));
    DWUBIT_ASSIGN(const E8pParams params, e8p_params(packed.params, codes.shape));
    const std::int64_t count = blocks(codes.shape[1]);
    for (const FieldSpec& spec : format.buffers(packed.params, codes.shape)) {
        const Field& from = *codes.find(spec.name);
        Field to = make_field(spec);
        if (spec.name == "scales") {
            to.bytes = from.bytes;
            DWUBIT_TRY(read_scale({to.name, to.dtype, to.shape, to.bytes, ""}));
        } else if (params.bits == 2) {
            pack_rows(from.as<std::uint16_t>(), count, params.bits, to.bytes.data());
        } else {
            pack_rows(from.as<std::uint32_t>(), count, params.bits, to.bytes.data());
        }
        packed.buffers.push_back(std::move(to));
    }
    return packed;
}

Result<Codes> unpack(const PackedView& packed) {
    const Format& format = e8p_format();
    Codes codes{packed.shape, {}, {}};
    DWUBIT_ASSIGN(codes.params, format.check_params(packed.params, packed.shape));
    DWUBIT_ASSIGN(const E8pParams params, e8p_params(codes.params, packed.shape));
    const std::int64_t count = blocks(packed.shape[1]);
    for (const FieldSpec& spec : format.code_fields(codes.params, packed.shape)) {
        const TensorView& from = *packed.find(spec.name);
        Field to = make_field(spec);
        if (spec.name == "scales") {
            DWUBIT_TRY(read_scale(from));
            to.bytes.assign(from.bytes.begin(), from.bytes.end());
        } else if (params.bits == 2) {
            unpack_rows(from.bytes.data(), count, params.bits, to.as<std::uint16_t>());
        } else {
            unpack_rows(from.bytes.data(), count, params.bits, to.as<std::uint32_t>());
        }
        codes.fields.push_back(std::move(to));
    }
    return codes;
}

}  // namespace dwubit::e8p
