#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "runtime/formats/uniform_group/layout.h"

namespace dwubit::uniform_group {
namespace {

constexpr std::uint16_t kF16Exponent = 0x7c00;

// Buffers may lie at any address.
template <class T>
T load(const TensorView& view, std::size_t index) {
    T value;
    std::memcpy(&value, view.bytes.data() + index * sizeof(T), sizeof(T));
    return value;
}

void pack_stream(std::span<const std::uint8_t> values, int bits, std::byte* stream) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        write_element(stream, static_cast<std::int64_t>(i), bits, values[i]);
    }
}

void unpack_stream(const std::byte* stream, int bits, std::span<std::uint8_t> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<std::uint8_t>(read_element(stream, static_cast<std::int64_t>(i), bits));
    }
}

Result<void> check_permutation(std::span<const std::uint32_t> perm) {
    std::vector<bool> seen(perm.size());
    for (std::size_t i = 0; i < perm.size(); ++i) {
        const std::size_t channel = perm[i];
        if (channel < perm.size() && !seen[channel]) {
            seen[channel] = true;
            continue;
        }
        return errorf(ErrorKind::kInvalidInput, "field 'perm' is no permutation of {} channels: element {} is {}{}",
                      perm.size(), i, channel, channel < perm.size() ? ", which was there before" : "");
    }
    return {};
}

Result<void> pack_perm(const Field& from, Field& to) {
    const auto perm = from.as<std::uint32_t>();
    DWUBIT_TRY(check_permutation(perm));
    if (to.dtype == DType::kU32) {
        to.bytes = from.bytes;
        return {};
    }
    const auto narrow = to.as<std::uint16_t>();
    for (std::size_t i = 0; i < perm.size(); ++i) narrow[i] = static_cast<std::uint16_t>(perm[i]);
    return {};
}

}  // namespace

Result<void> check_scales(const TensorView& scales) {
    const std::size_t count = scales.bytes.size() / sizeof(std::uint16_t);
    for (std::size_t i = 0; i < count; ++i) {
        if ((load<std::uint16_t>(scales, i) & kF16Exponent) != kF16Exponent) continue;
        return errorf(ErrorKind::kInvalidInput, "field 'scales' has a value that is not finite at element {}", i);
    }
    return {};
}

Result<std::vector<std::uint32_t>> read_perm(const PackedView& packed, const UniformGroupParams& params) {
    std::vector<std::uint32_t> perm;
    if (!params.perm) return perm;
    const TensorView& view = *packed.find("perm");
    perm.resize(static_cast<std::size_t>(packed.shape[1]));
    for (std::size_t i = 0; i < perm.size(); ++i) {
        perm[i] = view.dtype == DType::kU16 ? load<std::uint16_t>(view, i) : load<std::uint32_t>(view, i);
    }
    DWUBIT_TRY(check_permutation(perm));
    return perm;
}

Result<PackedTensor> pack(const Codes& codes) {
    const Format& format = uniform_group_format();
    PackedTensor packed{format.id, format.version, codes.shape, {}, {}};
    DWUBIT_ASSIGN(packed.params, check_codes(format, codes));
    DWUBIT_ASSIGN(const UniformGroupParams params, uniform_group_params(packed.params, codes.shape));
    const auto in = static_cast<std::size_t>(codes.shape[1]);
    for (const FieldSpec& spec : format.buffers(packed.params, codes.shape)) {
        const Field& from = *codes.find(spec.name);
        Field to = make_field(spec);
        if (spec.name == "codes") {
            const auto row_bytes = static_cast<std::size_t>(spec.shape[1]);
            for (std::size_t r = 0; r < static_cast<std::size_t>(codes.shape[0]); ++r) {
                pack_stream(from.as<std::uint8_t>().subspan(r * in, in), params.bits, to.bytes.data() + r * row_bytes);
            }
        } else if (spec.name == "scales") {
            to.bytes = from.bytes;
            DWUBIT_TRY(check_scales({to.name, to.dtype, to.shape, to.bytes, ""}));
        } else if (spec.name == "zeros") {
            pack_stream(from.as<std::uint8_t>(), params.bits, to.bytes.data());
        } else {
            DWUBIT_TRY(pack_perm(from, to));
        }
        packed.buffers.push_back(std::move(to));
    }
    return packed;
}

Result<Codes> unpack(const PackedView& packed) {
    const Format& format = uniform_group_format();
    Codes codes{packed.shape, {}, {}};
    DWUBIT_ASSIGN(codes.params, format.check_params(packed.params, packed.shape));
    DWUBIT_ASSIGN(const UniformGroupParams params, uniform_group_params(codes.params, codes.shape));
    const auto in = static_cast<std::size_t>(codes.shape[1]);
    for (const FieldSpec& spec : format.code_fields(codes.params, codes.shape)) {
        const TensorView& from = *packed.find(spec.name);
        Field to = make_field(spec);
        if (spec.name == "codes") {
            const auto row_bytes = static_cast<std::size_t>(from.shape[1]);
            for (std::size_t r = 0; r < static_cast<std::size_t>(codes.shape[0]); ++r) {
                unpack_stream(from.bytes.data() + r * row_bytes, params.bits,
                              to.as<std::uint8_t>().subspan(r * in, in));
            }
        } else if (spec.name == "scales") {
            DWUBIT_TRY(check_scales(from));
            to.bytes.assign(from.bytes.begin(), from.bytes.end());
        } else if (spec.name == "zeros") {
            unpack_stream(from.bytes.data(), params.bits, to.as<std::uint8_t>());
        } else {
            DWUBIT_ASSIGN(const std::vector<std::uint32_t> perm, read_perm(packed, params));
            std::memcpy(to.bytes.data(), perm.data(), to.bytes.size());
        }
        codes.fields.push_back(std::move(to));
    }
    return codes;
}

}  // namespace dwubit::uniform_group
