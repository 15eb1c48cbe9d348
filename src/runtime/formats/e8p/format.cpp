#include <array>

#include "base/error.h"
#include "base/text.h"
#include "runtime/formats/e8p/kernels.h"
#include "runtime/formats/e8p/layout.h"
#include "runtime/formats/kernel_rows.h"

namespace dwubit {
namespace {

constexpr std::array<int, 3> kBits = {2, 3, 4};
constexpr double kMinResidual = 1;
constexpr double kMaxResidual = 64;

template <bool kResidual>
std::size_t int8_bytes(const void* matrix) {
    const auto& m = *static_cast<const e8p::Matrix*>(matrix);
    return static_cast<std::size_t>(e8p::chunks(m) * arranged_int8(kResidual).stride);
}

// All matrices of so many columns read activations in one order.
std::uint64_t arrangement(const void* matrix) {
    return static_cast<std::uint64_t>(static_cast<const e8p::Matrix*>(matrix)->in);
}

constexpr FormatKernel gemv(const char* name, Isa isa, ActType act, unsigned needs,
                            decltype(FormatKernel::arrange) arrange, decltype(FormatKernel::product) product) {
    const auto bytes = act == ActType::kInt8x2 ? int8_bytes<true> : int8_bytes<false>;
    return gemv_row(name, isa, act, needs, {bytes, arrangement, arrange}, product);
}

constexpr FormatKernel kKernels[] = {
    dequantize_row("e8p_dequantize_f32_avx512_vbmi", "dequantize", Isa::kAvx512, ActType::kF32, kNeedsVbmi,
                   e8p::e8p_dequantize_f32_avx512_vbmi),
    dequantize_row("e8p_dequantize_f32_avx2", "dequantize", Isa::kAvx2, ActType::kF32, kNeedsNothing,
                   e8p::e8p_dequantize_f32_avx2),
    {"e8p_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    dequantize_row("e8p_dequantize_bf16_avx512_vbmi", "dequantize", Isa::kAvx512, ActType::kBf16, kNeedsVbmi,
                   e8p::e8p_dequantize_bf16_avx512_vbmi),
    dequantize_row("e8p_gemm_f32_avx512_vbmi", "gemm", Isa::kAvx512, ActType::kF32, kNeedsVbmi,
                   e8p::e8p_dequantize_f32_avx512_vbmi),
    dequantize_row("e8p_gemm_f32_avx2", "gemm", Isa::kAvx2, ActType::kF32, kNeedsNothing, e8p::e8p_dequantize_f32_avx2),
    {"e8p_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
    dequantize_row("e8p_gemm_bf16_avx512_vbmi", "gemm", Isa::kAvx512, ActType::kBf16, kNeedsVbmi,
                   e8p::e8p_dequantize_bf16_avx512_vbmi),
    gemv("e8p_gemv_int8x2_avx512_vnni_vbmi", Isa::kAvx512, ActType::kInt8x2, kNeedsVnni | kNeedsVbmi,
         e8p::arrange_int8x2_avx512, e8p::e8p_gemv_int8x2_avx512_vnni_vbmi),
    gemv("e8p_gemv_int8x2_avx2", Isa::kAvx2, ActType::kInt8x2, kNeedsNothing, e8p::arrange_int8x2_avx2,
         e8p::e8p_gemv_int8x2_avx2),
    gemv("e8p_gemv_int8x2_ref", Isa::kRef, ActType::kInt8x2, kNeedsNothing, e8p::arrange_int8x2_ref,
         e8p::e8p_gemv_int8x2_ref),
    gemv("e8p_gemv_int8_avx512_vnni_vbmi", Isa::kAvx512, ActType::kInt8, kNeedsVnni | kNeedsVbmi,
         e8p::arrange_int8_avx512, e8p::e8p_gemv_int8_avx512_vnni_vbmi),
    gemv("e8p_gemv_int8_avx2", Isa::kAvx2, ActType::kInt8, kNeedsNothing, e8p::arrange_int8_avx2,
         e8p::e8p_gemv_int8_avx2),
    gemv("e8p_gemv_int8_ref", Isa::kRef, ActType::kInt8, kNeedsNothing, e8p::arrange_int8_ref, e8p::e8p_gemv_int8_ref),
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
