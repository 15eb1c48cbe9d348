// A weight matrix in a packed format, bound to kernels: up to kFewRows rows by a gemv kernel of the format, which
// streams the packed bytes; more rows by dequantizing panels in cache for the dense product of the GEMM library, the
// way that every format has.
#pragma once

#include <memory>
#include <string>

#include "runtime/formats/format.h"
#include "runtime/gemm/weight.h"

namespace dwubit {

// What runs a matrix of a format.
struct FormatKernels {
    const FormatKernel* few = nullptr;   // gemv; nullptr: few rows run as many do
    const FormatKernel* many = nullptr;  // gemm; nullptr: the reader's reference path, in float32
    std::string few_reason;              // why it is not a gemv with the activations asked for; empty if it is
};

// The kernels for --act on `isa`. Where no gemv has those activations float32 serves, with the reason. Many rows see
// bf16 unless float32 was asked for, where the library has products of bf16.
FormatKernels choose_kernels(const Format& format, ActType act, const Json& params, const Shape& shape,
                             const CpuIsa& isa);

class FormatWeight : public Weight {
public:
    // Buffers have been checked by check_packed() and must outlive this.
    static Result<FormatWeight> bind(const Format& format, const PackedView& packed, const FormatKernels& kernels);

    GemmType input(std::int64_t rows, bool blocked) const override;

    // "<format>_gemm_f32_ref", what every format's table has
    static std::string reference_name(const Format& format);

private:
    using Weight::Weight;
    void multiply(const Activations& x, std::int64_t first_row, std::int64_t rows, std::int64_t step,
                  std::int64_t first, std::int64_t columns, float* y) const override;
    const void* arranged(const Activations& x, std::int64_t rows) const;
    template <class T>
    void multiply_panels(const T* x, std::int64_t rows, std::int64_t step, std::int64_t first, std::int64_t columns,
                         float* y) const;

    std::unique_ptr<FormatReader> reader_;
    FormatKernels kernels_;
};

}  // namespace dwubit
