// A weight matrix in floats, read where it lies in the checkpoint: no second copy in memory. A few rows run a gemv that
// streams it, more rows the product of the GEMM library, which takes rows in that order at 0.96 of its rate for its
// own.
#pragma once

#include <string>

#include "checkpoint/tensor_table.h"
#include "runtime/gemm/dense_gemv.h"
#include "runtime/gemm/weight.h"

namespace dwubit {

// A row of the table of dense kernels.
struct DenseKernelRow {
    const char* name;  // "dense_gemv_bf16_f32_avx512": types of the weights and of the activations
    Isa isa;
    unsigned needs;  // IsaNeeds
    DType weight;
    GemmType input;
    DenseGemv product;
};

// Of those for the same types the best first.
std::span<const DenseKernelRow> dense_kernels();
// The first that runs on `isa`, nullptr if none does. Reference rows run at level ref alone.
const DenseKernelRow* find_dense_kernel(DType weight, GemmType input, const CpuIsa& isa);

class DenseWeight : public Weight {
public:
    // `weight` [n, k] of dtype F32, F16 or BF16; its bytes must outlive this. kBf16 takes BF16 weights only (others
    // would be rounded).
    static DenseWeight bind(const TensorView& weight, GemmType type);

    GemmType input(std::int64_t, bool) const override { return type_; }

private:
    DenseWeight(GemmType type, std::int64_t n, std::int64_t k) : Weight(n, k), type_(type) {}
    void multiply(const Activations& x, std::int64_t first_row, std::int64_t rows, std::int64_t step,
                  std::int64_t first, std::int64_t columns, float* y) const override;
    const std::byte* row(std::int64_t index) const;

    GemmType type_;
    DType dtype_ = DType::kF32;
    const DenseKernelRow* few_ = nullptr;
    const std::byte* rows_ = nullptr;   // [n, k]
    AlignedBuffer<std::byte> aligned_;  // a copy, where the file does not align the tensor to its elements
};

}  // namespace dwubit
