// Weights made incoherent by randomized Hadamard transforms on both sides, then rounded block by block with the errors
// fed back: what QuIP# (Tseng et al. 2024, arXiv 2402.04396) and QTIP (arXiv 2406.11235) share. A method brings the
// quantizer of a block and the codes of its format.
//
//     T = UT diag(S)     W' = T_out W T_inT     H' = T_in H T_inT     Q' = scale * quantizer((W' + feedback) / scale)
//
// Linears of a site share S_in, so that H' is factorised once; each has its own S_out and its own scale.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "lab/blocks/hadamard_transform.h"
#include "lab/blocks/ldlq.h"
#include "lab/blocks/scale_search.h"
#include "lab/methods/method.h"

namespace dwubit::lab {

// Where methods differ in the options that they share.
struct IncoherentDefaults {
    bool search = true;  // the scale
    double rho = 0.9;
    std::string_view rho_help;  // what rho is in the method's units
    std::int64_t sweeps = 0;
};
// Appends scale, rho, sweeps, damping, fuse and stack.
void add_incoherent_options(std::vector<OptionSpec>& options, const IncoherentDefaults& defaults);

// Whether the linears of a site are stored as one matrix.
bool fuses(std::size_t linears, const Parameters& parameters);

// A matrix that is stored, before it is: where it comes from and its size. For refusals of shapes.
struct StoredShape {
    std::string outputs;  // "outputs of model.layers.0.self_attn.q_proj"
    std::int64_t rows = 0;
};
std::vector<StoredShape> stored_shapes(std::span<const LinearShape> linears, const Parameters& parameters);
// Throws a Failure that names the linear and the nearest sizes where one side has no Hadamard matrix.
void check_incoherent_shapes(std::span<const LinearShape> linears, const Parameters& parameters);

struct IncoherentSite final : PreparedSite {
    HadamardTransform in;
    BlockFeedback feedback;  // of H'

    explicit IncoherentSite(HadamardTransform transform) : in(std::move(transform)) {}
};
// block: columns that the quantizer rounds together.
std::unique_ptr<PreparedSite> prepare_incoherent(const SiteProblem& site, std::int64_t block,
                                                 const Parameters& parameters, LabContext& context);

struct IncoherentRounding {
    const char* format;  // id in formats.inc
    int version;
    const BlockQuantizer& quantizer;
    double unit;               // root mean square that the quantizer is made for: rho is a multiple of it
    ScaleRange rhos;           // that scale=search looks at,
    std::int64_t sample_rows;  // on so many rows
    // codes: [blocks, code_words, rows] int32 on any device.
    std::function<Codes(const at::Tensor& codes, std::int64_t columns, float scale)> make_codes;
};

// Method::quantize() of such a method. Where the rounding takes tiles of rows their height must divide kRowsPerUnit and
// the rows of each stored matrix.
std::vector<LinearSolution> quantize_incoherent(const SiteProblem& site, const PreparedSite& prepared,
                                                std::span<const LinearProblem> linears,
                                                const IncoherentRounding& rounding, const Parameters& parameters,
                                                LabContext& context);

}  // namespace dwubit::lab
