#include "lab/blocks/ldlq.h"

#include <algorithm>

#include "base/check.h"

namespace dwubit::lab {
namespace {

// M and the diagonal blocks of the damped H, in place of H.
void make_sweeping(at::Tensor hessian, BlockFeedback& feedback) {
    const Blocks& blocks = feedback.blocks;
    const at::Tensor corners = diagonal_blocks(hessian, blocks);
    const at::Tensor inverses = at::linalg_inv(corners);
    feedback.diagonal = corners.to(at::kFloat);
    feedback.sweeping = at::empty({blocks.n, blocks.n}, hessian.options().dtype(at::kFloat));
    for (std::int64_t k = 0; k < blocks.count(); ++k) {
        const std::int64_t first = blocks.first(k);
        const std::int64_t end = blocks.end(k);
        const at::Tensor inverse = inverses[k].slice(0, 0, end - first).slice(1, 0, end - first);
        at::Tensor columns = feedback.sweeping.slice(1, first, end);
        columns.copy_(at::mm(hessian.slice(1, first, end), inverse));
        columns.slice(0, first, end).zero_();
    }
}

// A quantized matrix and what it is off by. Everything is transposed: a column of W is a row here, contiguous.
struct Iterate {
    at::Tensor values;  // Q, [n, rows]
    at::Tensor errors;  // W - Q, [n, rows]
    at::Tensor codes;   // [blocks, code_words, rows]
};

// One run over the blocks, last to first.
class Pass {
public:
    Pass(const at::Tensor& source, const BlockFeedback& feedback, const BlockQuantizer& quantizer, Iterate& iterate)
        : source_(source), blocks_(feedback.blocks), quantizer_(quantizer), iterate_(iterate) {}

    // `matrix` feeds errors back: from later blocks alone, or from all.
    void run(const at::Tensor& matrix, bool later_only) const {
        const std::int64_t per_buffer = std::max<std::int64_t>(1, kFeedbackBuffer / blocks_.size);
        const std::int64_t buffers = (blocks_.count() + per_buffer - 1) / per_buffer;
        for (std::int64_t b = buffers - 1; b >= 0; --b) {
            const std::int64_t first_block = b * per_buffer;
            const std::int64_t last_block = std::min(blocks_.count(), first_block + per_buffer) - 1;
            run_buffer(matrix, later_only, first_block, last_block);
        }
    }

private:
    void run_buffer(const at::Tensor& matrix, bool later_only, std::int64_t first_block,
                    std::int64_t last_block) const {
        const std::int64_t first = blocks_.first(first_block);
        const std::int64_t end = blocks_.end(last_block);
        const at::Tensor columns = matrix.slice(1, first, end);
        at::Tensor base = source_.slice(0, first, end);
        const at::Tensor& errors = iterate_.errors;
        if (end < blocks_.n) base = at::addmm(base, columns.slice(0, end).t(), errors.slice(0, end));
        if (!later_only && first > 0) base = at::addmm(base, columns.slice(0, 0, first).t(), errors.slice(0, 0, first));
        for (std::int64_t k = last_block; k >= first_block; --k) {
            const std::int64_t from = blocks_.first(k);
            const std::int64_t to = blocks_.end(k);
            // What is fed back from inside the buffer: later blocks, or all of it, of which the block's own part is 0.
            const std::int64_t inside = later_only ? to : first;
            at::Tensor target = base.slice(0, from - first, to - first);
            if (inside < end) {
                target = at::addmm(target, columns.slice(0, inside, end).slice(1, from - first, to - first).t(),
                                   errors.slice(0, inside, end));
            }
            at::Tensor value = iterate_.values.slice(0, from, to);
            at::Tensor words = iterate_.codes.select(0, k);
            quantizer_.quantize_block(k, target, value, words);
            at::Tensor error = errors.slice(0, from, to);
            at::sub_out(error, source_.slice(0, from, to), value);
        }
    }

    const at::Tensor& source_;  // [n, rows]
    const Blocks& blocks_;
    const BlockQuantizer& quantizer_;
    Iterate& iterate_;
};

// Sums over tiles of `tile` rows, as one value per row.
at::Tensor tile_sums(const at::Tensor& losses, std::int64_t tile) {
    if (tile == 1) return losses;
    const std::int64_t rows = losses.size(0);
    const std::int64_t tiles = (rows + tile - 1) / tile;
    const at::Tensor padded = at::constant_pad_nd(losses, {0, tiles * tile - rows});
    return padded.view({tiles, tile}).sum(1).repeat_interleave(tile).slice(0, 0, rows);
}

}  // namespace

BlockFeedback make_block_feedback(at::Tensor hessian, std::int64_t block, double damping, bool sweeps,
                                  const std::string& where) {
    BlockFeedback feedback;
    feedback.blocks = {hessian.size(0), block};
    {
        BlockLdl ldl = block_ldl(hessian, block, damping, where);
        feedback.rounding = ldl.lower.to(at::kFloat);
        feedback.damping = ldl.damping;
    }
    if (!sweeps) return feedback;
    const double mean = hessian.diagonal().mean().item<double>();
    const bool known = mean > 0;  // H = 0 was factorised as the identity
    hessian.diagonal().add_(known ? feedback.damping * mean : 1.0);
    make_sweeping(std::move(hessian), feedback);
    return feedback;
}

at::Tensor block_losses(const at::Tensor& errors, const BlockFeedback& feedback) {
    DWUBIT_CHECK(feedback.sweeping.defined());
    const Blocks& blocks = feedback.blocks;
    const std::int64_t rows = errors.size(1);
    at::Tensor losses = at::zeros({rows}, errors.options().dtype(at::kDouble));
    const std::int64_t step = std::max<std::int64_t>(1, 1024 / blocks.size) * blocks.size;
    for (std::int64_t first = 0; first < blocks.n; first += step) {
        const std::int64_t end = std::min(blocks.n, first + step);
        // (E M + E) H[k, k] = E H in these columns, times E.
        const at::Tensor own = errors.slice(0, first, end);
        at::Tensor moved = at::addmm(own, feedback.sweeping.slice(1, first, end).t(), errors);
        at::Tensor padded = own;
        const std::int64_t count = (end - first + blocks.size - 1) / blocks.size;
        if (const std::int64_t missing = count * blocks.size - (end - first); missing > 0) {
            moved = at::constant_pad_nd(moved, {0, 0, 0, missing});
            padded = at::constant_pad_nd(own, {0, 0, 0, missing});
        }
        const std::int64_t block = first / blocks.size;
        const at::Tensor pulled =
            at::bmm(feedback.diagonal.slice(0, block, block + count), moved.view({count, blocks.size, rows}));
        losses += (pulled.view({count * blocks.size, rows}) * padded).sum(0).to(at::kDouble);
    }
    return losses;
}

BlockSolution quantize_blocks(const at::Tensor& weight, const BlockFeedback& feedback, const BlockQuantizer& quantizer,
                              int sweeps) {
    const std::int64_t rows = weight.size(0);
    DWUBIT_CHECK(weight.size(1) == feedback.blocks.n && quantizer.columns() == feedback.blocks.size);
    DWUBIT_CHECK(sweeps == 0 || feedback.sweeping.defined());
    const at::Tensor source = weight.t().contiguous();
    Iterate iterate;
    iterate.values = at::empty_like(source);
    iterate.errors = at::zeros_like(source);
    iterate.codes =
        at::zeros({feedback.blocks.count(), quantizer.code_words(), rows}, weight.options().dtype(at::kInt));
    const Pass pass(source, feedback, quantizer, iterate);
    pass.run(feedback.rounding, /*later_only=*/true);
    BlockSolution best{iterate.values, iterate.codes, 0};
    if (sweeps > 0) {
        best.values = iterate.values.clone();
        best.codes = iterate.codes.clone();
        at::Tensor least = tile_sums(block_losses(iterate.errors, feedback), quantizer.rows());
        while (best.sweeps < sweeps) {
            pass.run(feedback.sweeping, /*later_only=*/false);
            ++best.sweeps;
            const at::Tensor losses = tile_sums(block_losses(iterate.errors, feedback), quantizer.rows());
            const at::Tensor better = losses < least;
            if (!better.any().item<bool>()) break;
            least = at::where(better, losses, least);
            best.values = at::where(better, iterate.values, best.values);
            best.codes = at::where(better, iterate.codes, best.codes);
        }
    }
    best.values = best.values.t().contiguous();
    return best;
}

}  // namespace dwubit::lab
