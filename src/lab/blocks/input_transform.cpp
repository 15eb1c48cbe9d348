#include "lab/blocks/input_transform.h"

#include "base/check.h"
#include "lab/failure.h"

namespace dwubit::lab {

DiagonalTransform::DiagonalTransform(at::Tensor diagonal, const std::string& where)
    : diagonal_(diagonal.to(at::kDouble)) {
    DWUBIT_CHECK(diagonal_.dim() == 1);
    const at::Tensor bad = at::logical_or(at::logical_not(at::isfinite(diagonal_)), diagonal_ == 0);
    if (bad.any().item<bool>()) {
        fail(ErrorKind::kInvalidInput, "{}: channel {} cannot be rescaled: its factor is zero or not finite", where,
             bad.to(at::kInt).argmax().item<std::int64_t>());
    }
}

DiagonalTransform DiagonalTransform::fold_norm(const at::Tensor& gain, const std::string& where) {
    return {gain.to(at::kDouble).reciprocal(), where};
}

at::Tensor DiagonalTransform::inputs(const at::Tensor& rows) const {
    return rows * diagonal_.to(rows.scalar_type());
}

at::Tensor DiagonalTransform::weight(const at::Tensor& weight) const {
    return weight / diagonal_.to(weight.scalar_type());
}

OrthogonalTransform::OrthogonalTransform(at::Tensor matrix, const std::string& where)
    : matrix_(matrix.to(at::kDouble)) {
    DWUBIT_CHECK(matrix_.dim() == 2 && matrix_.size(0) == matrix_.size(1));
    const at::Tensor product = at::mm(matrix_, matrix_.t());
    const double error = (product - at::eye(matrix_.size(0), matrix_.options())).abs().max().item<double>();
    if (!(error <= 1e-6))
        fail(ErrorKind::kInvalidInput, "{}: the matrix is not orthogonal (off by {:.2g})", where, error);
}

at::Tensor OrthogonalTransform::inputs(const at::Tensor& rows) const {
    return at::mm(rows, matrix_.t().to(rows.scalar_type()));
}

at::Tensor OrthogonalTransform::weight(const at::Tensor& weight) const {
    return at::mm(weight, matrix_.t().to(weight.scalar_type()));
}

at::Tensor hessian_in_basis(const at::Tensor& hessian, const InputTransform& transform) {
    DWUBIT_CHECK(hessian.dim() == 2 && hessian.size(0) == transform.size() && hessian.scalar_type() == at::kDouble);
    const at::Tensor half = transform.inputs(hessian);   // H TT
    const at::Tensor both = transform.inputs(half.t());  // (T (H TT)) transposed
    return (both + both.t()) / 2;
}

}  // namespace dwubit::lab
