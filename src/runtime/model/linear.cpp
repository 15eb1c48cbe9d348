#include "runtime/model/linear.h"

#include "base/error.h"
#include "checkpoint/stored_tensor.h"
#include "ggml/block_type.h"
#include "runtime/gemm/dense_weight.h"
#include "runtime/ops/op_table.h"

namespace dwubit {

Result<ActType> act_from_name(std::string_view name) {
    for (const ActType act : {ActType::kF32, ActType::kBf16, ActType::kInt8x2, ActType::kInt8}) {
        if (act_name(act) == name) return act;
    }
    return errorf(ErrorKind::kUsage, "--act {}: unknown activation type", name).with_hint("--act f32|bf16|int8x2|int8");
}

ActType default_act() {
    return active_isa().isa == Isa::kRef ? ActType::kF32 : ActType::kInt8x2;
}

DenseKernel choose_dense_kernel(DType dtype, ActType act) {
    const GemmBackend& gemm = active_gemm();
    // Elsewhere bf16 products are emulated, slower than float32.
    const bool native = active_isa().avx512_bf16 || active_isa().amx_bf16 || active_isa().isa == Isa::kRef;
    const bool bf16_here = native && gemm.supports(GemmType::kBf16, active_isa());
    const bool bf16 = act != ActType::kF32 && dtype == DType::kBf16 && bf16_here;
    std::string reason;
    if (act == ActType::kBf16 && dtype != DType::kBf16) {
        reason = fmt::format("the weight is {}: bf16 would round it", dtype_name(dtype));
    } else if (act == ActType::kBf16 && !bf16) {
        reason = fmt::format("{} has no bf16 product here", gemm.describe());
    }
    const GemmType type = bf16 ? GemmType::kBf16 : GemmType::kF32;
    KernelInfo info{{}, {}, std::move(reason), fmt::format("dense_gemm_{}_{}", bf16 ? "bf16" : "f32", gemm.name)};
    const DenseKernelRow* const few = find_dense_kernel(dtype, type, active_isa());
    info.name = few == nullptr ? info.prompt_name : few->name;
    info.isa = few == nullptr ? gemm.describe() : isa_suffix(few->isa, few->needs);
    return {type, std::move(info)};
}

PackedKernel choose_packed_kernel(const Format& format, ActType act, const Json& params, const Shape& shape) {
    PackedKernel packed;
    packed.kernels = choose_kernels(format, act, params, shape, active_isa());
    const FormatKernel* const few = packed.kernels.few;
    const FormatKernel* const many = packed.kernels.many;
    KernelInfo& info = packed.info;
    info.prompt_name = many == nullptr ? FormatWeight::reference_name(format) : many->name;
    info.name = few == nullptr ? info.prompt_name : few->name;
    info.isa = few == nullptr ? active_gemm().describe() : isa_suffix(few->isa, few->needs);
    info.fallback_reason = packed.kernels.few_reason;
    return packed;
}

StoredKernel choose_stored_kernel(const TensorView& weight, ActType act) {
    if (weight.dtype == DType::kBlocks && weight.blocks->weights > 1) {
        std::string id = weight.blocks->name;
        for (char& c : id) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        const auto format = find_format(id, 1);
        if (format.ok()) {
            PackedKernel packed = choose_packed_kernel(**format, act, Json::object(), weight.shape);
            if (packed.kernels.few != nullptr) return {*format, std::move(packed.info)};
        }
    }
    StoredKernel dense{nullptr, choose_dense_kernel(value_dtype(weight), act).info};
    if (weight.dtype == DType::kBlocks && weight.blocks->weights > 1 && dense.info.fallback_reason.empty()) {
        dense.info.fallback_reason = fmt::format("{} has no kernel for these activations here: it is dequantized to {}",
                                                 weight.blocks->name, dtype_name(value_dtype(weight)));
    }
    return dense;
}

Result<Linear> Linear::bind_blocks(const Format& format, const TensorView& weight, const TensorView* bias,
                                   ActType act) {
    const auto rows = weight.shape[0];
    const auto row_bytes = static_cast<std::int64_t>(weight.bytes.size()) / rows;
    TensorView codes{"codes", DType::kU8, {rows, row_bytes}, weight.bytes, weight.file};
    return bind(format, PackedView{weight.shape, Json::object(), {std::move(codes)}}, bias, act,
                fmt::format("{}: tensor '{}'", weight.file, weight.name));
}

Result<Linear> Linear::bind(const TensorView& weight, const TensorView* bias, ActType act) {
    DenseKernel kernel = choose_dense_kernel(weight.dtype, act);
    Linear linear;
    linear.kernel_ = std::move(kernel.info);
    linear.weight_ = std::make_unique<DenseWeight>(DenseWeight::bind(weight, kernel.type));
    DWUBIT_TRY(linear.read_bias(bias));
    return linear;
}

Result<Linear> Linear::bind(const Format& format, const PackedView& packed, const TensorView* bias, ActType act,
                            const std::string& where) {
    DWUBIT_TRY(check_packed(format, packed, where));
    Linear linear;
    DWUBIT_ASSIGN(const Json params, format.check_params(packed.params, packed.shape));
    PackedKernel kernel = choose_packed_kernel(format, act, params, packed.shape);
    linear.kernel_ = std::move(kernel.info);
    DWUBIT_ASSIGN(FormatWeight weight, FormatWeight::bind(format, packed, kernel.kernels).context(where));
    linear.weight_ = std::make_unique<FormatWeight>(std::move(weight));
    DWUBIT_TRY(linear.read_bias(bias));
    return linear;
}

Result<void> Linear::read_bias(const TensorView* bias) {
    if (bias == nullptr) return {};
    bias_.resize(static_cast<std::size_t>(out_features()));
    return read_as_f32(*bias, bias_);
}

Panel Linear::run_unit(const Activations& x, std::int64_t unit, AlignedBuffer<float>& room) const {
    const Panel panel = weight_->run_unit(x, unit, room);
    if (!bias_.empty() && transforms_.out == nullptr) {
        const float* bias = bias_.data() + panel.first_column;
        for (std::int64_t r = 0; r < panel.y.rows; ++r) active_ops().add(bias, panel.y.row(r).data(), panel.y.cols);
    }
    return panel;
}

void Linear::finish_row(float* row) const {
    if (transforms_.out == nullptr) return;
    transforms_.out->apply_transposed(1, row);
    if (!bias_.empty()) active_ops().add(bias_.data(), row, out_features());
}

Linear Linear::part_of(std::shared_ptr<const Linear> whole, std::int64_t first, std::int64_t rows) {
    Linear part;
    part.kernel_ = whole->kernel_;
    part.whole_ = std::move(whole);
    part.first_row_ = first;
    part.rows_ = rows;
    return part;
}

}  // namespace dwubit
