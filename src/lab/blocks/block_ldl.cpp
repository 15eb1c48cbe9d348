#include "lab/blocks/block_ldl.h"

#include <algorithm>

#include "base/check.h"
#include "lab/blocks/damping.h"

namespace dwubit::lab {

at::Tensor diagonal_blocks(const at::Tensor& matrix, const Blocks& blocks) {
    at::Tensor result = at::eye(blocks.size, matrix.options()).repeat({blocks.count(), 1, 1});
    const std::int64_t full = blocks.n / blocks.size;
    if (full > 0) {
        const std::int64_t end = full * blocks.size;
        // [row block, column block, row, column]; the diagonal of the first two goes to the end.
        const at::Tensor tiles = matrix.slice(0, 0, end)
                                     .slice(1, 0, end)
                                     .unfold(0, blocks.size, blocks.size)
                                     .unfold(1, blocks.size, blocks.size);
        result.slice(0, 0, full).copy_(tiles.diagonal(0, 0, 1).permute({2, 0, 1}));
    }
    if (full < blocks.count()) {
        const std::int64_t rest = blocks.n - full * blocks.size;
        result[full]
            .slice(0, 0, rest)
            .slice(1, 0, rest)
            .copy_(matrix.slice(0, blocks.n - rest).slice(1, blocks.n - rest));
    }
    return result;
}

BlockLdl block_ldl(const at::Tensor& hessian, std::int64_t block, double damping, const std::string& where) {
    DWUBIT_CHECK(block >= 1);
    DampedCholesky cholesky = damped_cholesky(hessian, damping, where);
    const Blocks blocks{hessian.size(0), block};
    const at::Tensor corners = diagonal_blocks(cholesky.factor, blocks);
    const at::Tensor inverses = at::linalg_inv(corners);
    BlockLdl ldl;
    ldl.diagonal = at::bmm(corners, corners.transpose(1, 2));
    ldl.damping = cholesky.damping;
    // In place: the factor's columns become L's, one block after the other.
    ldl.lower = std::move(cholesky.factor);
    for (std::int64_t k = 0; k < blocks.count(); ++k) {
        const std::int64_t first = blocks.first(k);
        const std::int64_t end = blocks.end(k);
        at::Tensor columns = ldl.lower.slice(1, first, end);
        const at::Tensor inverse = inverses[k].slice(0, 0, end - first).slice(1, 0, end - first);
        columns.slice(0, end).copy_(at::mm(columns.slice(0, end), inverse));
        columns.slice(0, 0, end).zero_();
    }
    return ldl;
}

}  // namespace dwubit::lab
