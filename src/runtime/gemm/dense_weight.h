// A weight matrix in floats, packed for the GEMM library.
#pragma once

#include <memory>

#include "checkpoint/tensor_table.h"
#include "runtime/gemm/weight.h"

namespace dwubit {

class DenseWeight : public Weight {
public:
    // Packs `weight` [n, k] of dtype F32, F16 or BF16 as `type`. kBf16 takes BF16 weights only (others would be
    // rounded).
    static Result<DenseWeight> pack(const TensorView& weight, GemmType type);

    GemmType input(std::int64_t, bool) const override { return type_; }

private:
    DenseWeight(GemmType type, std::int64_t n, std::int64_t k) : Weight(n, k), type_(type) {}
    void multiply(const Activations& x, std::int64_t first_row, std::int64_t rows, std::int64_t step,
                  std::int64_t first, std::int64_t columns, float* y) const override;

    GemmType type_;
    std::unique_ptr<PackedMatrix> matrix_;
};

}  // namespace dwubit
