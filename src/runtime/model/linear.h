// A linear layer y = x Wᵀ + b bound to the kernel that runs it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/tensor_table.h"
#include "runtime/formats/format_weight.h"
#include "runtime/gemm/act_type.h"
#include "runtime/gemm/weight.h"

namespace dwubit {

Result<ActType> act_from_name(std::string_view name);

// What --act auto means: the fastest whose KL divergence to float32 on orlik is at most 1e-4 (docs/benchmarks.md).
ActType default_act();

// What runs a layer, for `inspect`, `bench` and reports.
struct KernelInfo {
    std::string name;             // for up to 8 rows: "dense_gemm_bf16_onednn", "uniform_group_gemv_int8x2_avx512_vnni"
    std::string isa;              // "oneDNN 2.6.3 avx512_core_amx", "avx512_vnni"
    std::string fallback_reason;  // why it is not what --act asked for; empty if it is
    std::string prompt_name;      // the same for more rows
};

struct DenseKernel {
    GemmType type = GemmType::kF32;
    KernelInfo info;
};

// The kernel for a dense weight of `dtype`. It sees bf16 unless `act` is f32: that needs a BF16 weight (another one
// would be rounded) and a processor and library with bf16 products. Float32 serves otherwise, with the reason where
// bf16 was asked for; int8x2 and int8 are for packed weights and leave dense ones the choice.
DenseKernel choose_dense_kernel(DType dtype, ActType act);

// The kernels for a weight [out, in] in `format` (parameters normalised), with the reason where they are not what was
// asked for.
struct PackedKernel {
    FormatKernels kernels;
    KernelInfo info;
};
PackedKernel choose_packed_kernel(const Format& format, ActType act, const Json& params, const Shape& shape);

class Linear {
public:
    // `weight` [out, in], whose bytes must outlive the linear; `bias` [out] or nullptr, copied.
    static Result<Linear> bind(const TensorView& weight, const TensorView* bias, ActType act);
    // The same for a weight in `format`. Views its buffers, which must outlive the linear; checks them, and that the
    // values they stand for make sense. `where` names the module in messages.
    static Result<Linear> bind(const Format& format, const PackedView& packed, const TensorView* bias, ActType act,
                               const std::string& where);

    std::int64_t in_features() const { return weight_->in_features(); }
    std::int64_t out_features() const { return weight_->out_features(); }
    const KernelInfo& kernel() const { return kernel_; }

    // The form of activations that `rows` rows are read in (`blocked` as in Activations).
    GemmType input(std::int64_t rows, bool blocked) const { return weight_->input(rows, blocked); }

    // The units of work of `rows` rows, and one of them on the calling thread: a panel of x Wᵀ + b in `room`.
    std::int64_t units(std::int64_t rows) const { return weight_->units(rows); }
    Panel run_unit(const Activations& x, std::int64_t unit, AlignedBuffer<float>& room) const;

private:
    Result<void> read_bias(const TensorView* bias);

    std::unique_ptr<const Weight> weight_;
    std::vector<float> bias_;  // empty if none
    KernelInfo kernel_;
};

}  // namespace dwubit
