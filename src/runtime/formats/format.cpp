#include "runtime/formats/format.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

std::uint64_t byte_count(const FieldSpec& spec) {
    std::int64_t count = 0;
    DWUBIT_CHECK(element_count(spec.shape, &count));
    return static_cast<std::uint64_t>(count) * dtype_size(spec.dtype);
}

std::string names_of(std::span<const FieldSpec> specs) {
    std::string text;
    for (const FieldSpec& spec : specs) text += (text.empty() ? "" : ", ") + spec.name;
    return text;
}

// What Codes and buffers have in common. `Part` is Field or TensorView.
template <class Part>
Result<void> check_fields(std::span<const FieldSpec> specs, std::span<const Part> parts) {
    for (const Part& part : parts) {
        const auto spec = std::find_if(specs.begin(), specs.end(), [&](const auto& s) { return s.name == part.name; });
        if (spec == specs.end()) {
            return errorf(ErrorKind::kInvalidInput, "field '{}' does not belong here", printable(part.name))
                .with_hint("the fields are " + names_of(specs));
        }
        if (part.dtype != spec->dtype || part.shape != spec->shape || part.bytes.size() != byte_count(*spec)) {
            return errorf(ErrorKind::kInvalidInput, "field '{}' is {} {} in {} bytes, expected {} {}", spec->name,
                          dtype_name(part.dtype), printable(to_string(part.shape)), part.bytes.size(),
                          dtype_name(spec->dtype), to_string(spec->shape));
        }
    }
    for (const FieldSpec& spec : specs) {
        const auto count =
            std::count_if(parts.begin(), parts.end(), [&](const auto& part) { return part.name == spec.name; });
        if (count == 1) continue;
        return errorf(ErrorKind::kInvalidInput, "field '{}' {}", spec.name,
                      count == 0 ? "is missing" : "is there twice");
    }
    return {};
}

template <class T>
Result<void> check_limit(const Field& field, std::uint64_t limit) {
    const auto values = field.as<T>();
    const auto bad = std::find_if(values.begin(), values.end(), [&](T value) { return value >= limit; });
    if (bad == values.end()) return {};
    return errorf(ErrorKind::kInvalidInput, "field '{}' has {} at element {}; values are below {}", field.name, *bad,
                  bad - values.begin(), limit);
}

}  // namespace

Field make_field(const FieldSpec& spec) {
    return {spec.name, spec.dtype, spec.shape, std::vector<std::byte>(byte_count(spec))};
}

Field* Codes::find(std::string_view name) {
    const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
    return at == fields.end() ? nullptr : &*at;
}

const Field* Codes::find(std::string_view name) const {
    const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
    return at == fields.end() ? nullptr : &*at;
}

const TensorView* PackedView::find(std::string_view name) const {
    const auto at =
        std::find_if(buffers.begin(), buffers.end(), [&](const TensorView& buffer) { return buffer.name == name; });
    return at == buffers.end() ? nullptr : &*at;
}

PackedView view_of(const PackedTensor& packed) {
    PackedView view{packed.shape, packed.params, {}};
    for (const Field& buffer : packed.buffers) {
        view.buffers.push_back({buffer.name, buffer.dtype, buffer.shape, buffer.bytes, "memory"});
    }
    return view;
}

const FormatKernel* find_kernel(const Format& format, std::string_view op, ActType act, const Json& params,
                                const Shape& shape, const CpuIsa& isa, std::string* why_not) {
    std::string lacks;
    for (const FormatKernel& kernel : format.kernels) {
        if (kernel.op != op || kernel.act != act || std::string_view(kernel.device) != "cpu") continue;
        if (!runs_on(isa, kernel.isa, kernel.needs)) {
            lacks = fmt::format("{} does not run on {}", kernel.name, to_string(isa));
            continue;
        }
        // A reference product is for comparison: float32 through the GEMM library is faster wherever there is more.
        if (kernel.isa == Isa::kRef && kernel.product != nullptr && isa.isa != Isa::kRef) continue;
        lacks = kernel.unsupported == nullptr ? "" : kernel.unsupported(params, shape);
        if (lacks.empty()) return &kernel;
    }
    if (why_not != nullptr) *why_not = lacks;
    return nullptr;
}

Result<void> check_matrix(const Shape& shape) {
    constexpr std::int64_t kMaxWeights = std::int64_t{1} << 48;
    std::int64_t count = 0;
    if (shape.size() == 2 && shape[0] >= 1 && shape[1] >= 1 && element_count(shape, &count) && count <= kMaxWeights) {
        return {};
    }
    return errorf(ErrorKind::kInvalidInput, "a matrix of shape {} cannot be packed: expected [out, in]",
                  printable(to_string(shape)));
}

Result<Json> check_codes(const Format& format, const Codes& codes) {
    DWUBIT_ASSIGN(Json params, format.check_params(codes.params, codes.shape));
    const std::vector<FieldSpec> specs = format.code_fields(params, codes.shape);
    DWUBIT_TRY(check_fields<Field>(specs, codes.fields).context(fmt::format("codes of format {}", format.id)));
    for (const FieldSpec& spec : specs) {
        if (spec.limit == 0) continue;
        const Field& field = *codes.find(spec.name);
        switch (spec.dtype) {
            case DType::kU8:
                DWUBIT_TRY(check_limit<std::uint8_t>(field, spec.limit));
                break;
            case DType::kU16:
                DWUBIT_TRY(check_limit<std::uint16_t>(field, spec.limit));
                break;
            case DType::kU32:
                DWUBIT_TRY(check_limit<std::uint32_t>(field, spec.limit));
                break;
            default:
                DWUBIT_CHECK(!"limits are for unsigned integers");
        }
    }
    return params;
}

Result<void> check_packed(const Format& format, const PackedView& packed, const std::string& where) {
    const auto place = [&] { return fmt::format("{}, format {}", where, format.id); };
    const Result<Json> params = format.check_params(packed.params, packed.shape);
    if (!params.ok()) return Error(params.error()).add_context(place());
    const std::vector<FieldSpec> specs = format.buffers(*params, packed.shape);
    return check_fields<TensorView>(specs, packed.buffers).context(place());
}

BitCount count_bits(const Format& format, const Json& params, const Shape& shape) {
    std::int64_t weights = 0;
    DWUBIT_CHECK(element_count(shape, &weights) && weights > 0);
    BitCount bits;
    for (const FieldSpec& spec : format.buffers(params, shape)) {
        const double share = static_cast<double>(byte_count(spec)) * 8 / static_cast<double>(weights);
        bits.total += share;
        if (spec.kind == "codes") {
            bits.codes += share;
        } else if (spec.kind == "scales") {
            bits.scales += share;
        } else if (spec.kind == "codebook") {
            bits.codebook += share;
        } else {
            DWUBIT_CHECK(spec.kind == "transform");
            bits.transform += share;
        }
    }
    return bits;
}

}  // namespace dwubit
