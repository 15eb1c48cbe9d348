// H = L D LT with L block unit lower triangular: what feeding errors back block by block is made of (blocks/ldlq.h).
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace dwubit::lab {

// Blocks of `size` columns that tile [0, n); the last has fewer where n is no multiple.
struct Blocks {
    std::int64_t n = 0;
    std::int64_t size = 0;

    std::int64_t count() const { return (n + size - 1) / size; }
    std::int64_t first(std::int64_t block) const { return block * size; }
    std::int64_t end(std::int64_t block) const { return std::min(n, (block + 1) * size); }
};

struct BlockLdl {
    at::Tensor lower;     // L - I, [n, n] float64: zero on and above the diagonal blocks
    at::Tensor diagonal;  // D, [blocks, size, size] float64; a short last block is padded with the identity
    double damping = 0;   // multiple of mean(diag H) that factorising took (blocks/damping.h)
};

// hessian: [n, n] float64, symmetric; damped as damped_cholesky() says, whose errors these are: L D LT is
// H + damping mean(diag H) I. Afterwards as it was before.
BlockLdl block_ldl(const at::Tensor& hessian, std::int64_t block, double damping, const std::string& where);

// The diagonal blocks of a square matrix, [blocks, size, size], a short last one padded with the identity.
at::Tensor diagonal_blocks(const at::Tensor& matrix, const Blocks& blocks);

}  // namespace dwubit::lab
