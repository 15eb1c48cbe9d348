// A linear layer y = x Wᵀ + b bound to the kernel that runs it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/tensor_table.h"
#include "runtime/formats/format.h"
#include "runtime/gemm/weight.h"

namespace dwubit {

// What linears see of their input (--act). Sums are float32 always.
enum class ActType { kF32, kBf16 };

std::string_view act_name(ActType act);
Result<ActType> act_from_name(std::string_view name);

// What --act auto means: the fastest whose KL divergence to float32 on orlik is at most 1e-4 (docs/benchmarks.md).
ActType default_act();

// What runs a layer, for `inspect`, `bench` and reports.
struct KernelInfo {
    std::string name;             // "dense_gemm_bf16_onednn"
    std::string isa;              // "oneDNN 2.6.3 avx512_core_amx"
    std::string fallback_reason;  // why it is not what --act asked for; empty if it is
};

struct DenseKernel {
    GemmType type = GemmType::kF32;
    KernelInfo info;
};

// The kernel for a dense weight of `dtype`. bf16 activations need a BF16 weight (another one would be rounded) and a
// processor and library with bf16 products; float32 serves otherwise, with the reason.
DenseKernel choose_dense_kernel(DType dtype, ActType act);

// The kernel for a weight in `format`. It reads float32; the reason says so where another was asked for.
KernelInfo choose_packed_kernel(const Format& format, ActType act);

class Linear {
public:
    // `weight` [out, in]; `bias` [out] or nullptr. Packs a copy: the checkpoint may be closed afterwards.
    static Result<Linear> bind(const TensorView& weight, const TensorView* bias, ActType act);
    // The same for a weight in `format`. Views its buffers, which must outlive the linear; checks them, and that the
    // values they stand for make sense. `where` names the module in messages.
    static Result<Linear> bind(const Format& format, const PackedView& packed, const TensorView* bias, ActType act,
                               const std::string& where);

    std::int64_t in_features() const { return weight_->in_features(); }
    std::int64_t out_features() const { return weight_->out_features(); }
    const KernelInfo& kernel() const { return kernel_; }

    GemmType type() const { return weight_->type(); }

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
