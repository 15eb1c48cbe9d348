#include "lab/blocks/feedback.h"

#include <algorithm>

#include "base/check.h"
#include "lab/blocks/damping.h"

namespace dwubit::lab {

Feedback make_feedback(at::Tensor hessian, double damping, const std::string& where) {
    // Cholesky of the reversed matrix, reversed again, is the upper factor. Each matrix is let go as soon as the next
    // is there: they are the largest that a method holds.
    at::Tensor reversed = hessian.flip({0, 1});
    hessian.reset();
    DampedCholesky cholesky = damped_cholesky(reversed, damping, where);
    reversed.reset();
    at::Tensor upper = cholesky.factor.flip({0, 1});
    cholesky.factor.reset();
    const at::Tensor pivots = upper.diagonal().clone();
    upper.div_(pivots.unsqueeze(0)).triu_(1);
    Feedback feedback;
    feedback.matrix = upper.to(at::kFloat);
    feedback.weights = pivots.square().to(at::kFloat);
    feedback.damping = cholesky.damping;
    return feedback;
}

at::Tensor quantize_columns(const at::Tensor& weight, const Feedback& feedback, std::span<const ColumnGroup> groups,
                            ColumnQuantizer& quantizer) {
    const std::int64_t rows = weight.size(0);
    const std::int64_t n = weight.size(1);
    // Columns as rows: what the loop touches is contiguous.
    const at::Tensor source = weight.t().contiguous();
    const at::Tensor errors = at::zeros({n, rows}, weight.options());
    const at::Tensor values = at::empty({n, rows}, weight.options());
    std::int64_t done = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        const ColumnGroup& group = groups[g];
        DWUBIT_CHECK(group.first == done && group.count > 0 && done + group.count <= n);
        const std::int64_t end = group.first + group.count;
        // Targets of the whole group from the errors before it, [count, rows].
        at::Tensor targets = source.slice(0, group.first, end);
        if (done > 0) {
            const at::Tensor before = feedback.matrix.slice(0, 0, done).slice(1, group.first, end);
            targets = at::addmm(targets, before.t(), errors.slice(0, 0, done));
        }
        quantizer.begin_group(static_cast<std::int64_t>(g), targets.t());
        for (std::int64_t first = group.first; first < end; first += kFeedbackBlock) {
            const std::int64_t last = std::min(end, first + kFeedbackBlock);
            at::Tensor block = targets.slice(0, first - group.first, last - group.first);
            if (first > group.first) {  // the errors of this group's earlier blocks
                const at::Tensor before = feedback.matrix.slice(0, group.first, first).slice(1, first, last);
                block = at::addmm(block, before.t(), errors.slice(0, group.first, first));
            }
            for (std::int64_t k = first; k < last; ++k) {
                at::Tensor target = block.select(0, k - first);
                if (k > first) {
                    const at::Tensor column = feedback.matrix.slice(0, first, k).select(1, k);
                    target = at::addmv(target, errors.slice(0, first, k).t(), column);
                }
                at::Tensor value = values.select(0, k);
                quantizer.quantize(k, target, value);
                at::Tensor error = errors.select(0, k);
                at::sub_out(error, source.select(0, k), value);
            }
        }
        done = end;
    }
    DWUBIT_CHECK(done == n);
    return values.t().contiguous();
}

}  // namespace dwubit::lab
