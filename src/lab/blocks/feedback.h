// Quantizing the columns of a matrix one after the other, each with the error of those before it fed back: the solver
// that GPTQ (Frantar et al. 2022) and LDLQ (Chee et al. 2023, section 3) share.
//
// With H = R RT, R upper triangular, and E = W - Q:   tr(E H ET) = sum over k of |E R column k|^2, and column k of E R
// has errors of columns up to k only. So the best value to round in column k, given those before it, is
//     target_k = w_k + sum over j < k of e_j M[j, k],      M[j, k] = R[j, k] / R[k, k],
// and what its rounding error costs is R[k, k]^2 per unit. This is GPTQ's update without the inverse of H.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <span>
#include <string>

namespace dwubit::lab {

struct Feedback {
    at::Tensor matrix;   // M, [n, n] float32, strictly upper triangular
    at::Tensor weights;  // R[k, k]^2, [n] float32: the cost of a squared error in column k
    double damping = 0;  // that factorising H took (blocks/damping.h)
};

// hessian: [n, n] float64 in the order in which columns will be quantized. Errors as damped_cholesky().
Feedback make_feedback(at::Tensor hessian, double damping, const std::string& where);

// A run of columns [first, first + count) that is prepared together (a group with its own scale).
struct ColumnGroup {
    std::int64_t first = 0;
    std::int64_t count = 0;
};

class ColumnQuantizer {
public:
    virtual ~ColumnQuantizer() = default;
    // Before the first column of a group: its targets [rows, count] as they are known now, errors of all groups before
    // fed back.
    virtual void begin_group(std::int64_t group, const at::Tensor& targets) = 0;
    // Rounds column `column` of the current group: target [rows] -> value [rows], also noting its codes.
    virtual void quantize(std::int64_t column, const at::Tensor& target, at::Tensor& value) = 0;
};

// weight: [rows, n] float32. Groups tile [0, n) in order. Returns the quantized values [rows, n]. Errors are fed back
// inside blocks of at most kFeedbackBlock columns as they arise, and to later blocks by one product per block.
inline constexpr std::int64_t kFeedbackBlock = 128;
at::Tensor quantize_columns(const at::Tensor& weight, const Feedback& feedback, std::span<const ColumnGroup> groups,
                            ColumnQuantizer& quantizer);

}  // namespace dwubit::lab
