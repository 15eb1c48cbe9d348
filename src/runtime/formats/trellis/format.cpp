#include <array>

#include "base/error.h"
#include "base/text.h"
#include "runtime/formats/kernel_rows.h"
#include "runtime/formats/trellis/kernels.h"
#include "runtime/formats/trellis/layout.h"

namespace dwubit {
namespace {

constexpr std::array<int, 4> kBits = {1, 2, 3, 4};
constexpr TrellisCode kCodes[] = {TrellisCode::k1Mad, TrellisCode::k3Inst, TrellisCode::kMul1, TrellisCode::kHyb};

std::size_t f32_bytes(const void* matrix) {
    return static_cast<std::size_t>(static_cast<const trellis::Matrix*>(matrix)->in) * sizeof(float);
}

std::size_t int8_bytes(const void* matrix) {
    const auto& m = *static_cast<const trellis::Matrix*>(matrix);
    return static_cast<std::size_t>(trellis::blocks(m) * trellis::kBlockBytes);
}

// All matrices of so many columns read activations in one order, or with float32 in one of two.
std::uint64_t arrangement(const void* matrix) {
    const auto& m = *static_cast<const trellis::Matrix*>(matrix);
    return static_cast<std::uint64_t>(m.in + (trellis::in_fragments(m.code, m.bits) ? 1 : 0));
}

// Normalised parameters were made by check_params(), so they read without errors.
TrellisParams normalised(const Json& params, const Shape& shape) {
    return trellis_params(params, shape).value();
}

std::string not_linear(const Json& params, const Shape& shape) {
    const TrellisCode code = normalised(params, shape).code;
    if (code == TrellisCode::k1Mad || code == TrellisCode::kMul1) return "";
    return fmt::format("sums of bytes are codes 1mad and mul1, this is {}", trellis_code_name(code));
}

constexpr FormatKernel gemv_f32(const char* name, Isa isa, decltype(FormatKernel::product) product) {
    return gemv_row(name, isa, ActType::kF32, kNeedsNothing, {f32_bytes, arrangement, trellis::arrange_f32}, product);
}
constexpr FormatKernel gemv_int8(const char* name, Isa isa, ActType act, unsigned needs,
                                 decltype(FormatKernel::arrange) arrange, decltype(FormatKernel::product) product) {
    return gemv_row(name, isa, act, needs, {int8_bytes, arrangement, arrange}, product, not_linear);
}

constexpr FormatKernel kKernels[] = {
    dequantize_row("trellis_dequantize_f32_avx512", "dequantize", Isa::kAvx512, ActType::kF32, kNeedsNothing,
                   trellis::trellis_dequantize_f32_avx512),
    dequantize_row("trellis_dequantize_f32_avx2", "dequantize", Isa::kAvx2, ActType::kF32, kNeedsNothing,
                   trellis::trellis_dequantize_f32_avx2),
    {"trellis_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    dequantize_row("trellis_dequantize_bf16_avx512", "dequantize", Isa::kAvx512, ActType::kBf16, kNeedsNothing,
                   trellis::trellis_dequantize_bf16_avx512),
    dequantize_row("trellis_gemm_f32_avx512", "gemm", Isa::kAvx512, ActType::kF32, kNeedsNothing,
                   trellis::trellis_dequantize_f32_avx512),
    dequantize_row("trellis_gemm_f32_avx2", "gemm", Isa::kAvx2, ActType::kF32, kNeedsNothing,
                   trellis::trellis_dequantize_f32_avx2),
    {"trellis_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
    dequantize_row("trellis_gemm_bf16_avx512", "gemm", Isa::kAvx512, ActType::kBf16, kNeedsNothing,
                   trellis::trellis_dequantize_bf16_avx512),
    gemv_f32("trellis_gemv_f32_avx512", Isa::kAvx512, trellis::trellis_gemv_f32_avx512),
    gemv_f32("trellis_gemv_f32_avx2", Isa::kAvx2, trellis::trellis_gemv_f32_avx2),
    gemv_f32("trellis_gemv_f32_ref", Isa::kRef, trellis::trellis_gemv_f32_ref),
    gemv_int8("trellis_gemv_int8x2_avx512_vnni_vbmi", Isa::kAvx512, ActType::kInt8x2, kNeedsVnni | kNeedsVbmi,
              trellis::arrange_int8x2_avx512, trellis::trellis_gemv_int8x2_avx512_vnni_vbmi),
    gemv_int8("trellis_gemv_int8x2_avx2", Isa::kAvx2, ActType::kInt8x2, kNeedsNothing, trellis::arrange_int8x2_avx2,
              trellis::trellis_gemv_int8x2_avx2),
    gemv_int8("trellis_gemv_int8x2_ref", Isa::kRef, ActType::kInt8x2, kNeedsNothing, trellis::arrange_int8x2_ref,
              trellis::trellis_gemv_int8x2_ref),
    gemv_int8("trellis_gemv_int8_avx512_vnni_vbmi", Isa::kAvx512, ActType::kInt8, kNeedsVnni | kNeedsVbmi,
              trellis::arrange_int8_avx512, trellis::trellis_gemv_int8_avx512_vnni_vbmi),
    gemv_int8("trellis_gemv_int8_avx2", Isa::kAvx2, ActType::kInt8, kNeedsNothing, trellis::arrange_int8_avx2,
              trellis::trellis_gemv_int8_avx2),
    gemv_int8("trellis_gemv_int8_ref", Isa::kRef, ActType::kInt8, kNeedsNothing, trellis::arrange_int8_ref,
              trellis::trellis_gemv_int8_ref),
};

Result<Json> check_params(const Json& params, const Shape& shape) {
    DWUBIT_ASSIGN(const TrellisParams read, trellis_params(params, shape));
    return to_json(read);
}

void add_tables(const TrellisParams& params, std::vector<FieldSpec>& fields) {
    fields.push_back({"scales", DType::kF32, {1}, 0, "scales"});
    if (params.code != TrellisCode::kHyb) return;
    fields.push_back({"codebook.0", DType::kF16, {kHybTableSize / 2, 2}, 0, "codebook"});
}

std::vector<FieldSpec> code_fields(const Json& json, const Shape& shape) {
    const TrellisParams params = normalised(json, shape);
    std::vector<FieldSpec> fields = {{"codes",
                                      DType::kU8,
                                      {shape[0] / kTrellisTile, shape[1] / kTrellisTile, params.steps()},
                                      std::uint64_t{1} << params.step_bits(),
                                      "codes"}};
    add_tables(params, fields);
    return fields;
}

std::vector<FieldSpec> buffers(const Json& json, const Shape& shape) {
    const TrellisParams params = normalised(json, shape);
    const std::int64_t band = shape[1] / kTrellisTile * trellis::tile_bytes(params.bits);
    std::vector<FieldSpec> fields = {{"codes", DType::kU8, {shape[0] / kTrellisTile, band}, 0, "codes"}};
    add_tables(params, fields);
    return fields;
}

std::vector<Json> test_params(const Shape& shape) {
    std::vector<Json> list;
    for (const TrellisCode code : kCodes) {
        for (const int bits : kBits) {
            const Result<Json> params = check_params(to_json(TrellisParams{code, bits}), shape);
            if (params.ok()) list.push_back(*params);
        }
    }
    return list;
}

Result<void> check_tiles(const Shape& shape) {
    constexpr const char* kSides[] = {"rows", "columns"};
    for (std::size_t side = 0; side < 2; ++side) {
        if (shape[side] % kTrellisTile == 0) continue;
        return errorf(ErrorKind::kInvalidInput,
                      "a matrix of shape {} has {} {}, which is no multiple of 16: format trellis has tiles of 16 x 16",
                      to_string(shape), shape[side], kSides[side]);
    }
    return {};
}

}  // namespace

Json to_json(const TrellisParams& params) {
    return {{"code", trellis_code_name(params.code)}, {"bits", params.bits}};
}

Result<TrellisParams> trellis_params(const Json& json, const Shape& shape) {
    DWUBIT_TRY(check_matrix(shape));
    if (!json.is_object()) return make_error(ErrorKind::kInvalidInput, "params must be an object");
    for (const auto& [key, value] : json.items()) {
        if (key == "code" || key == "bits") continue;
        return errorf(ErrorKind::kInvalidInput, "params: '{}' is not known", printable(key)).with_hint("code, bits");
    }
    const Fields fields(json, "params");
    TrellisParams params;
    DWUBIT_ASSIGN(const std::string code, fields.string("code"));
    DWUBIT_ASSIGN(params.code, trellis_code_from_name(code));
    const Result<std::int64_t> bits = fields.integer("bits", kBits.front(), kBits.back());
    if (!bits.ok()) return fields.invalid("bits", "1, 2, 3 or 4");
    params.bits = static_cast<int>(*bits);
    DWUBIT_TRY(check_tiles(shape));
    return params;
}

const Format& trellis_format() {
    static const Format format = {.id = "trellis",
                                  .version = 1,
                                  .bits = kBits,
                                  .check_params = check_params,
                                  .code_fields = code_fields,
                                  .buffers = buffers,
                                  .pack = trellis::pack,
                                  .unpack = trellis::unpack,
                                  .bind = trellis::bind,
                                  .kernels = kKernels,
                                  .test_params = test_params};
    return format;
}

}  // namespace dwubit
