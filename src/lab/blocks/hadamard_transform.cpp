#include "lab/blocks/hadamard_transform.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "lab/failure.h"
#include "runtime/transforms/hadamard/orders.h"

namespace dwubit::lab {
namespace {

// Rows at a time: what the steps need beside input and output stays small.
constexpr std::int64_t kRows = 1024;

}  // namespace

HadamardTransform::HadamardTransform(std::vector<float> factors, at::Device device, const std::string& where)
    : signs_(std::move(factors)) {
    const auto n = static_cast<std::int64_t>(signs_.size());
    const HadamardSize size = unwrap(require_hadamard_size(n).context(where));
    factors_ = at::empty({n}, at::kFloat);
    std::copy(signs_.begin(), signs_.end(), factors_.data_ptr<float>());
    factors_ = factors_.to(device);
    if (size.order == 1) return;
    const SignMatrix& matrix = *hadamard_matrix(size.order);
    at::Tensor entries = at::empty({size.order, size.order}, at::kDouble);
    std::copy(matrix.entries.begin(), matrix.entries.end(), entries.data_ptr<double>());
    order_ = entries.to(device);
}

at::Tensor HadamardTransform::rotate(at::Tensor rows, bool transposed) const {
    const std::int64_t count = rows.size(0);
    const std::int64_t n = size();
    const std::int64_t order = order_.defined() ? order_.size(0) : 1;
    const std::int64_t power = n / order;
    for (std::int64_t half = 1; half < power; half *= 2) {
        const at::Tensor pairs = rows.view({count * n / (2 * half), 2, half});
        at::Tensor first = pairs.select(1, 0);
        at::Tensor second = pairs.select(1, 1);
        const at::Tensor sum = first + second;
        at::sub_out(second, first, second);
        first.copy_(sum);
    }
    if (order > 1) {
        // (A x) along the axis of `order`: as products of rows with AT, or with A for the transpose.
        const at::Tensor matrix = (transposed ? order_ : order_.t()).to(rows.scalar_type());
        const at::Tensor columns = rows.view({count, order, power}).transpose(1, 2).reshape({count * power, order});
        rows = at::mm(columns, matrix).view({count, power, order}).transpose(1, 2).reshape({count, n});
    }
    return rows.mul_(1.0 / std::sqrt(static_cast<double>(n)));
}

at::Tensor HadamardTransform::inputs(const at::Tensor& rows) const {
    DWUBIT_CHECK(rows.dim() == 2 && rows.size(1) == size());
    const at::Tensor factors = factors_.to(rows.scalar_type());
    at::Tensor result = at::empty(rows.sizes(), rows.options());
    for (std::int64_t first = 0; first < rows.size(0); first += kRows) {
        const std::int64_t end = std::min(rows.size(0), first + kRows);
        result.slice(0, first, end).copy_(rotate((rows.slice(0, first, end) * factors).contiguous(), true));
    }
    return result;
}

at::Tensor HadamardTransform::inverse(const at::Tensor& rows) const {
    DWUBIT_CHECK(rows.dim() == 2 && rows.size(1) == size());
    const at::Tensor factors = factors_.to(rows.scalar_type());
    at::Tensor result = at::empty(rows.sizes(), rows.options());
    for (std::int64_t first = 0; first < rows.size(0); first += kRows) {
        const std::int64_t end = std::min(rows.size(0), first + kRows);
        at::Tensor part = rows.slice(0, first, end).clone(at::MemoryFormat::Contiguous);
        result.slice(0, first, end).copy_(rotate(std::move(part), false) * factors);
    }
    return result;
}

}  // namespace dwubit::lab
