#include <array>

#include "base/error.h"
#include "base/text.h"
#include "runtime/formats/e8p/layout.h"

namespace dwubit {
namespace {

constexpr std::array<int, 3> kBits = {2, 3, 4};
constexpr double kMinResidual = 1;
constexpr double kMaxResidual = 64;
constexpr FormatKernel kKernels[] = {
    {"e8p_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"e8p_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

// Normalised parameters were made by check_params(), so they read without errors.
E8pParams normalised(const Json& params, const Shape& shape) {
    return e8p_params(params, shape).value();
}

Result<Json> check_params(const Json& params, const Shape& shape) {
    DWUBIT_ASSIGN(const E8pParams read, e8p_params(params, shape));
    return to_json(read);
}

std::vector<FieldSpec> code_fields(const Json& json, const Shape& shape) {
    const int bits = normalised(json, shape).bits;
    return {{"codes",
             bits == 2 ? DType::kU16 : DType::kU32,
             {shape[0], e8p::blocks(shape[1])},
             std::uint64_t{1} << (8 * bits),
             "codes"},
            {"scales", DType::kF32, {1}, 0, "scales"}};
}

std::vector<FieldSpec> buffers(const Json& json, const Shape& shape) {
    const int bits = normalised(json, shape).bits;
    return {{"codes", DType::kU8, {shape[0], e8p::blocks(shape[1]) * bits}, 0, "codes"},
            {"scales", DType::kF32, {1}, 0, "scales"}};
}

std::vector<Json> test_params(const Shape& shape) {
    std::vector<Json> list;
    for (const int bits : kBits) list.push_back(to_json(normalised({{"bits", bits}}, shape)));
    list.push_back(to_json(normalised({{"bits", 4}, {"residual", 3}}, shape)));
    return list;
}

}  // namespace

Json to_json(const E8pParams& params) {
    Json json = {{"bits", params.bits}};
    if (params.bits > 2) json["residual"] = params.residual;
    return json;
}

Result<E8pParams> e8p_params(const Json& json, const Shape& shape) {
    DWUBIT_TRY(check_matrix(shape));
    if (!json.is_object()) return make_error(ErrorKind::kInvalidInput, "params must be an object");
    for (const auto& [key, value] : json.items()) {
        if (key == "bits" || key == "residual") continue;
        return errorf(ErrorKind::kInvalidInput, "params: '{}' is not known", printable(key))
            .with_hint("bits, residual");
    }
    const Fields fields(json, "params");
    E8pParams params;
    const Result<std::int64_t> bits = fields.integer("bits", 2, 4);
    if (!bits.ok()) return fields.invalid("bits", "2, 3 or 4");
    params.bits = static_cast<int>(*bits);
    if (params.bits == 2) {
        if (fields.has("residual")) return fields.invalid("residual", "absent at 2 bits, which have one stage");
        return params;
    }
    DWUBIT_ASSIGN(params.residual,
                  fields.number("residual", kMinResidual, kMaxResidual, E8pParams::default_residual(params.bits)));
    return params;
}

const Format& e8p_format() {
    static const Format format = {.id = "e8p",
                                  .version = 1,
                                  .bits = kBits,
                                  .check_params = check_params,
                                  .code_fields = code_fields,
                                  .buffers = buffers,
                                  .pack = e8p::pack,
                                  .unpack = e8p::unpack,
                                  .bind = e8p::bind,
                                  .kernels = kKernels,
                                  .test_params = test_params};
    return format;
}

}  // namespace dwubit
