// The basis rule: the store holds H in the model's own basis. Whoever feeds a linear x' = T x instead of x quantizes
// W' = W T^-1 against T H TT, which this file computes; the proxy loss is the same number in either basis.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace dwubit::lab {

// A linear, invertible map of a linear's input of n features.
class InputTransform {
public:
    virtual ~InputTransform() = default;
    virtual std::int64_t size() const = 0;
    // Each row x of [m, n] becomes T x.
    virtual at::Tensor inputs(const at::Tensor& rows) const = 0;
    // W -> W T^-1, [out, n].
    virtual at::Tensor weight(const at::Tensor& weight) const = 0;
};

// T = diag(d): RMSNorm with gain g followed by W is RMSNorm without gain followed by W diag(g), so folding the gain
// into W is the transform with d = 1 / g. Throws Failure naming `where` and the channel where d is 0 or not finite.
class DiagonalTransform final : public InputTransform {
public:
    DiagonalTransform(at::Tensor diagonal, const std::string& where);
    static DiagonalTransform fold_norm(const at::Tensor& gain, const std::string& where);

    std::int64_t size() const override { return diagonal_.size(0); }
    at::Tensor inputs(const at::Tensor& rows) const override;
    at::Tensor weight(const at::Tensor& weight) const override;

private:
    at::Tensor diagonal_;  // [n] float64
};

// T orthogonal, given as a matrix: T^-1 = TT. Throws Failure when |T TT - I| exceeds 1e-6.
class OrthogonalTransform final : public InputTransform {
public:
    OrthogonalTransform(at::Tensor matrix, const std::string& where);

    std::int64_t size() const override { return matrix_.size(0); }
    at::Tensor inputs(const at::Tensor& rows) const override;
    at::Tensor weight(const at::Tensor& weight) const override;

private:
    at::Tensor matrix_;  // [n, n] float64
};

// T H TT, [n, n] float64, exactly symmetric.
at::Tensor hessian_in_basis(const at::Tensor& hessian, const InputTransform& transform);

}  // namespace dwubit::lab
