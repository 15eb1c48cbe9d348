#include "runtime/model/linear.h"

#include "base/error.h"
#include "runtime/ops/op_table.h"

namespace dwubit {

std::string_view act_name(ActType act) {
    return act == ActType::kBf16 ? "bf16" : "f32";
}

Result<ActType> act_from_name(std::string_view name) {
    if (name == "f32") return ActType::kF32;
    if (name == "bf16") return ActType::kBf16;
    return errorf(ErrorKind::kUsage, "--act {}: unknown activation type", name).with_hint("--act f32|bf16");
}

ActType default_act() {
    const CpuIsa& isa = active_isa();
    const bool native = isa.avx512_bf16 || isa.amx_bf16;  // elsewhere bf16 products are slower than float32
    return native && active_gemm().supports(GemmType::kBf16, isa) ? ActType::kBf16 : ActType::kF32;
}

DenseKernel choose_dense_kernel(DType dtype, ActType act) {
    const GemmBackend& gemm = active_gemm();
    std::string reason;
    if (act == ActType::kBf16 && dtype != DType::kBf16) {
        reason = fmt::format("the weight is {}: bf16 would round it", dtype_name(dtype));
    } else if (act == ActType::kBf16 && !gemm.supports(GemmType::kBf16, active_isa())) {
        reason = fmt::format("{} has no bf16 product here", gemm.describe());
    }
    const bool bf16 = act == ActType::kBf16 && reason.empty();
    return {bf16 ? GemmType::kBf16 : GemmType::kF32,
            {fmt::format("dense_gemm_{}_{}", bf16 ? "bf16" : "f32", gemm.name), gemm.describe(), std::move(reason)}};
}

Result<Linear> Linear::bind(const TensorView& weight, const TensorView* bias, ActType act) {
    DenseKernel kernel = choose_dense_kernel(weight.dtype, act);
    Linear linear;
    linear.kernel_ = std::move(kernel.info);
    DWUBIT_ASSIGN(linear.weight_, PackedWeight::pack(weight, kernel.type));
    if (bias != nullptr) {
        linear.bias_.resize(static_cast<std::size_t>(linear.out_features()));
        DWUBIT_TRY(read_as_f32(*bias, linear.bias_));
    }
    return linear;
}

Panel Linear::run_unit(const Activations& x, std::int64_t unit, AlignedBuffer<float>& room) const {
    const Panel panel = weight_.run_unit(x, unit, room);
    if (!bias_.empty()) {
        const float* bias = bias_.data() + panel.first_column;
        for (std::int64_t r = 0; r < panel.y.rows; ++r) active_ops().add(bias, panel.y.row(r).data(), panel.y.cols);
    }
    return panel;
}

}  // namespace dwubit
