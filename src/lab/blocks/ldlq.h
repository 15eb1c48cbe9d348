// Quantizing a matrix block of columns by block of columns, each with the errors of the others fed back: BlockLDLQ
// (Chee et al. 2023; Tseng et al. 2024, arXiv 2402.04396, section 4) and sweeps of coordinate descent after it.
//
// With E = W - Q and H = L D LT:   tr(E H ET) = sum over k of tr(N_k D_k N_kT),   N = E L. Blocks are taken from the
// last to the first, so that those behind block k are known, and
//     target_k = W_k + sum over j > k of E_j L[j, k]
// is what is best rounded there: N_k is what that leaves. A sweep takes the blocks in the same order once more, given
// all the others:
//     target_k = W_k + sum over j != k of E_j M[j, k],      M[j, k] = H[j, k] H[k, k]^-1
// is the minimum of the loss in block k. Rows do not depend on each other.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "lab/blocks/block_ldl.h"

namespace dwubit::lab {

// What rounds one block: a lattice, a trellis, a scalar grid. Stateless, called for several blocks of rows at once.
class BlockQuantizer {
public:
    virtual ~BlockQuantizer() = default;
    // Columns that are rounded together; the last block of a matrix may have fewer.
    virtual std::int64_t columns() const = 0;
    // Rows that are rounded together (a tile); 1 where each row stands alone. A matrix may have fewer at its end.
    virtual std::int64_t rows() const { return 1; }
    // 32-bit words of code per row and block.
    virtual std::int64_t code_words() const { return 1; }
    // target: [columns, rows] float32 contiguous, column by column -> value, the same, and codes [code_words, rows]
    // int32.
    virtual void quantize(const at::Tensor& target, at::Tensor& value, at::Tensor& codes) const = 0;
    // The same for block `block` of the matrix, where blocks differ (in their scales).
    virtual void quantize_block(std::int64_t /*block*/, const at::Tensor& target, at::Tensor& value,
                                at::Tensor& codes) const {
        quantize(target, value, codes);
    }
};

struct BlockFeedback {
    Blocks blocks;
    at::Tensor rounding;  // L - I, [n, n] float32
    at::Tensor sweeping;  // M, [n, n] float32, zero in the diagonal blocks; undefined where no sweeps will follow
    at::Tensor
        diagonal;  // H[k, k], [blocks, size, size] float32, a short last one padded with the identity; as `sweeping`
    double damping = 0;  // that factorising H took; H above is the damped one
};

// hessian: [n, n] float64, let go of. Errors as damped_cholesky().
BlockFeedback make_block_feedback(at::Tensor hessian, std::int64_t block, double damping, bool sweeps,
                                  const std::string& where);

struct BlockSolution {
    at::Tensor values;  // [rows, n] float32
    at::Tensor codes;   // [blocks, code_words, rows] int32
    int sweeps = 0;     // that were made: they end when one improves no row
};

// weight: [rows, n] float32. One rounding pass and up to `sweeps` sweeps; each row, or tile of rows, keeps the iterate
// of least loss. Errors are fed back inside buffers of some kFeedbackBuffer columns as they arise, and to the rest by
// one product per buffer.
inline constexpr std::int64_t kFeedbackBuffer = 128;
BlockSolution quantize_blocks(const at::Tensor& weight, const BlockFeedback& feedback, const BlockQuantizer& quantizer,
                              int sweeps);

// Per row tr(e H eT) of the damped H in `feedback`, [rows] float64; errors: [n, rows] float32. Needs its sweeping part.
at::Tensor block_losses(const at::Tensor& errors, const BlockFeedback& feedback);

}  // namespace dwubit::lab
