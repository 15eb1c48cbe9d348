// Transform rht in libtorch, on any device: T = UT diag(f), U a Hadamard matrix of the whole size over its root
// (runtime/transforms/rht). Orthogonal where the factors are signs.
#pragma once

#include <vector>

#include "lab/blocks/input_transform.h"

namespace dwubit::lab {

class HadamardTransform final : public InputTransform {
public:
    // factors: one +1 or -1 per feature. Throws Failure naming `where` and the nearest sizes where there is no Hadamard
    // matrix of this one.
    HadamardTransform(std::vector<float> factors, at::Device device, const std::string& where);

    std::int64_t size() const override { return factors_.size(0); }
    at::Tensor inputs(const at::Tensor& rows) const override;
    at::Tensor weight(const at::Tensor& weight) const override { return inputs(weight); }
    // Each row x of [m, n] becomes TT x.
    at::Tensor inverse(const at::Tensor& rows) const;

    // The signs, as the transform stores them.
    const std::vector<float>& signs() const { return signs_; }

private:
    // U x, or UT x, of each row; overwrites its argument.
    at::Tensor rotate(at::Tensor rows, bool transposed) const;

    std::vector<float> signs_;
    at::Tensor factors_;  // [n] float32 on the device
    at::Tensor order_;  // [order, order] float64 on the device, the part that is no power of two; undefined for order 1
};

}  // namespace dwubit::lab
