#include <array>

#include "base/error.h"
#include "base/text.h"
#include "runtime/formats/kernel_rows.h"
#include "runtime/formats/uniform_group/kernels.h"
#include "runtime/formats/uniform_group/layout.h"

namespace dwubit {
namespace {

using Grid = UniformGroupParams::Grid;

constexpr std::int64_t kMinGroup = 32;
constexpr std::int64_t kGroupStep = 8;
constexpr std::int64_t kMaxGroup = std::int64_t{1} << 32;
constexpr std::array<int, 4> kBits = {2, 3, 4, 8};

// What the kernels for int8 activations do not take.
std::string whole_segments(const Json& params, const Shape& shape) {
    const UniformGroupParams read = uniform_group_params(params, shape).value();
    if (read.group % uniform_group::kSegment == 0 || read.groups(shape[1]) == 1) return "";
    return fmt::format("groups of {} columns are no multiple of {}", read.group, uniform_group::kSegment);
}

std::string not_3_bits(const Json& params, const Shape& shape) {
    const UniformGroupParams read = uniform_group_params(params, shape).value();
    return read.bits == 3 ? "3 bits have another kernel" : whole_segments(params, shape);
}

std::string only_3_bits(const Json& params, const Shape& shape) {
    const UniformGroupParams read = uniform_group_params(params, shape).value();
    return read.bits != 3 ? "it has 3 bits only" : whole_segments(params, shape);
}

const uniform_group::Matrix& matrix_of(const void* matrix) {
    return *static_cast<const uniform_group::Matrix*>(matrix);
}

template <bool kResidual>
std::size_t int8_bytes(const void* matrix) {
    return static_cast<std::size_t>(uniform_group::arranged_int8(matrix_of(matrix), kResidual).bytes);
}

std::size_t float_bytes(const void* matrix) {
    return static_cast<std::size_t>(uniform_group::arranged_f32(matrix_of(matrix)).bytes);
}

// The order of activations depends on the width of the codes and on the groups; with a permutation each matrix has its
// own.
std::uint64_t arrangement(const void* matrix) {
    const uniform_group::Matrix& m = matrix_of(matrix);
    if (m.perm != nullptr) return reinterpret_cast<std::uintptr_t>(matrix);
    return static_cast<std::uint64_t>(m.group) * 16 + static_cast<std::uint64_t>(m.bits);
}

constexpr FormatKernel gemv(const char* name, Isa isa, unsigned needs, ActType act,
                            decltype(FormatKernel::unsupported) unsupported,
                            decltype(FormatKernel::arranged_bytes) bytes, decltype(FormatKernel::arrange) arrange,
                            decltype(FormatKernel::product) product) {
    return gemv_row(name, isa, act, needs, {bytes, arrangement, arrange}, product, unsupported);
}

namespace kernels = uniform_group;
constexpr unsigned kVnniVbmi = kNeedsVnni | kNeedsVbmi;
constexpr FormatKernel kKernels[] = {
    {"uniform_group_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    dequantize_row("uniform_group_gemm_bf16_avx512_bf16", "gemm", Isa::kAvx512, ActType::kBf16, kNeedsBf16,
                   kernels::uniform_group_dequantize_bf16_avx512_bf16),
    dequantize_row("uniform_group_gemm_f32_avx512", "gemm", Isa::kAvx512, ActType::kF32, kNeedsNothing,
                   kernels::uniform_group_dequantize_f32_avx512),
    dequantize_row("uniform_group_gemm_f32_avx2", "gemm", Isa::kAvx2, ActType::kF32, kNeedsNothing,
                   kernels::uniform_group_dequantize_f32_avx2),
    {"uniform_group_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},

    gemv("uniform_group_gemv_f32_avx512", Isa::kAvx512, kNeedsNothing, ActType::kF32, nullptr, float_bytes,
         kernels::arrange_f32_avx512, kernels::uniform_group_gemv_f32_avx512),
    gemv("uniform_group_gemv_f32_avx2", Isa::kAvx2, kNeedsNothing, ActType::kF32, nullptr, float_bytes,
         kernels::arrange_f32_avx2, kernels::uniform_group_gemv_f32_avx2),
    gemv("uniform_group_gemv_f32_ref", Isa::kRef, kNeedsNothing, ActType::kF32, nullptr, float_bytes,
         kernels::arrange_f32_ref, kernels::uniform_group_gemv_f32_ref),

    gemv("uniform_group_gemv_bf16_avx512", Isa::kAvx512, kNeedsNothing, ActType::kBf16, nullptr, float_bytes,
         kernels::arrange_bf16_avx512, kernels::uniform_group_gemv_f32_avx512),
    gemv("uniform_group_gemv_bf16_avx2", Isa::kAvx2, kNeedsNothing, ActType::kBf16, nullptr, float_bytes,
         kernels::arrange_bf16_avx2, kernels::uniform_group_gemv_f32_avx2),
    gemv("uniform_group_gemv_bf16_ref", Isa::kRef, kNeedsNothing, ActType::kBf16, nullptr, float_bytes,
         kernels::arrange_bf16_ref, kernels::uniform_group_gemv_f32_ref),

    gemv("uniform_group_gemv_int8x2_avx512_vnni", Isa::kAvx512, kNeedsVnni, ActType::kInt8x2, not_3_bits,
         int8_bytes<true>, kernels::arrange_int8x2_avx512, kernels::uniform_group_gemv_int8x2_avx512_vnni),
    gemv("uniform_group_gemv_int8x2_avx512_vnni_vbmi", Isa::kAvx512, kVnniVbmi, ActType::kInt8x2, only_3_bits,
         int8_bytes<true>, kernels::arrange_int8x2_avx512, kernels::uniform_group_gemv_int8x2_avx512_vnni_vbmi),
    gemv("uniform_group_gemv_int8x2_avx2", Isa::kAvx2, kNeedsNothing, ActType::kInt8x2, whole_segments,
         int8_bytes<true>, kernels::arrange_int8x2_avx2, kernels::uniform_group_gemv_int8x2_avx2),
    gemv("uniform_group_gemv_int8x2_ref", Isa::kRef, kNeedsNothing, ActType::kInt8x2, whole_segments, int8_bytes<true>,
         kernels::arrange_int8x2_ref, kernels::uniform_group_gemv_int8x2_ref),

    gemv("uniform_group_gemv_int8_avx512_vnni", Isa::kAvx512, kNeedsVnni, ActType::kInt8, not_3_bits, int8_bytes<false>,
         kernels::arrange_int8_avx512, kernels::uniform_group_gemv_int8_avx512_vnni),
    gemv("uniform_group_gemv_int8_avx512_vnni_vbmi", Isa::kAvx512, kVnniVbmi, ActType::kInt8, only_3_bits,
         int8_bytes<false>, kernels::arrange_int8_avx512, kernels::uniform_group_gemv_int8_avx512_vnni_vbmi),
    gemv("uniform_group_gemv_int8_avx2", Isa::kAvx2, kNeedsNothing, ActType::kInt8, whole_segments, int8_bytes<false>,
         kernels::arrange_int8_avx2, kernels::uniform_group_gemv_int8_avx2),
    gemv("uniform_group_gemv_int8_ref", Isa::kRef, kNeedsNothing, ActType::kInt8, whole_segments, int8_bytes<false>,
         kernels::arrange_int8_ref, kernels::uniform_group_gemv_int8_ref),
};

// Normalised parameters were made by check_params(), so they read without errors.
UniformGroupParams normalised(const Json& params, const Shape& shape) {
    return uniform_group_params(params, shape).value();
}

Result<Json> check_params(const Json& params, const Shape& shape) {
    DWUBIT_ASSIGN(const UniformGroupParams read, uniform_group_params(params, shape));
    return to_json(read);
}

std::vector<FieldSpec> code_fields(const Json& json, const Shape& shape) {
    const UniformGroupParams params = normalised(json, shape);
    const std::int64_t out = shape[0];
    const std::int64_t in = shape[1];
    const std::uint64_t limit = std::uint64_t{1} << params.bits;
    std::vector<FieldSpec> fields = {{"codes", DType::kU8, {out, in}, limit, "codes"},
                                     {"scales", DType::kF16, {out, params.groups(in)}, 0, "scales"}};
    if (params.grid == Grid::kZero) fields.push_back({"zeros", DType::kU8, {out, params.groups(in)}, limit, "scales"});
    if (params.perm) fields.push_back({"perm", DType::kU32, {in}, static_cast<std::uint64_t>(in), "transform"});
    return fields;
}

std::vector<FieldSpec> buffers(const Json& json, const Shape& shape) {
    const UniformGroupParams params = normalised(json, shape);
    const std::int64_t out = shape[0];
    const std::int64_t in = shape[1];
    const std::int64_t groups = params.groups(in);
    std::vector<FieldSpec> fields = {
        {"codes", DType::kU8, {out, uniform_group::stream_bytes(in, params.bits)}, 0, "codes"},
        {"scales", DType::kF16, {out, groups}, 0, "scales"}};
    if (params.grid == Grid::kZero) {
        fields.push_back({"zeros", DType::kU8, {uniform_group::stream_bytes(out * groups, params.bits)}, 0, "scales"});
    }
    if (params.perm) fields.push_back({"perm", uniform_group::perm_dtype(in), {in}, 0, "transform"});
    return fields;
}

// Every width with both grids, the shortest group, one that leaves a partial last group, the whole row; some permuted.
std::vector<Json> test_params(const Shape& shape) {
    std::vector<Json> list;
    for (const int bits : kBits) {
        for (const Grid grid : {Grid::kZero, Grid::kMirror}) {
            for (const std::int64_t group : {kMinGroup, std::int64_t{40}, std::int64_t{128}, shape[1]}) {
                const bool perm = (group == 40) != (grid == Grid::kZero);
                list.push_back(to_json(normalised(to_json({bits, group, grid, perm}), shape)));
            }
        }
    }
    return list;
}

}  // namespace

Json to_json(const UniformGroupParams& params) {
    return {{"bits", params.bits},
            {"group", params.group},
            {"grid", params.grid == Grid::kZero ? "zero" : "mirror"},
            {"perm", params.perm}};
}

Result<UniformGroupParams> uniform_group_params(const Json& json, const Shape& shape) {
    DWUBIT_TRY(check_matrix(shape));
    const std::int64_t in = shape[1];
    if (!json.is_object()) return make_error(ErrorKind::kInvalidInput, "params must be an object");
    for (const auto& [key, value] : json.items()) {
        if (key == "bits" || key == "group" || key == "grid" || key == "perm") continue;
        return errorf(ErrorKind::kInvalidInput, "params: '{}' is not known", printable(key))
            .with_hint("bits, group, grid, perm");
    }
    const Fields fields(json, "params");
    UniformGroupParams params;
    const Result<std::int64_t> bits = fields.integer("bits", 2, 8);
    if (!bits.ok() || *bits == 5 || *bits == 6 || *bits == 7) return fields.invalid("bits", "2, 3, 4 or 8");
    params.bits = static_cast<int>(*bits);
    const Result<std::int64_t> group = fields.integer("group", 1, kMaxGroup);
    if (!group.ok() || (*group < in && (*group < kMinGroup || *group % kGroupStep != 0))) {
        return fields.invalid(
            "group", fmt::format("a multiple of {} from {} on, or the row's length {}", kGroupStep, kMinGroup, in));
    }
    params.group = std::min(*group, in);
    DWUBIT_ASSIGN(const std::string grid, fields.string("grid"));
    if (grid != "zero" && grid != "mirror") return fields.invalid("grid", "\"zero\" or \"mirror\"");
    params.grid = grid == "zero" ? Grid::kZero : Grid::kMirror;
    DWUBIT_ASSIGN(params.perm, fields.boolean("perm", false));
    if (params.perm && in > std::int64_t{1} << 32) {
        return fields.invalid("perm", "false for rows of more than 2^32 weights");
    }
    return params;
}

const Format& uniform_group_format() {
    static const Format format = {.id = "uniform_group",
                                  .version = 1,
                                  .bits = kBits,
                                  .check_params = check_params,
                                  .code_fields = code_fields,
                                  .buffers = buffers,
                                  .pack = uniform_group::pack,
                                  .unpack = uniform_group::unpack,
                                  .bind = uniform_group::bind,
                                  .kernels = kKernels,
                                  .test_params = test_params};
    return format;
}

}  // namespace dwubit
