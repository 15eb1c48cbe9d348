#include "lab/blocks/grid.h"

#include <algorithm>

#include "base/check.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

double most_code(int bits) {
    return static_cast<double>((1 << bits) - 1);
}

// Scales as they will be stored.
at::Tensor round_scale(const at::Tensor& scale) {
    return scale.to(at::kHalf).to(at::kFloat);
}

// [rows] -> [rows, 1] beside [rows, count]
at::Tensor beside(const at::Tensor& per_row, const at::Tensor& other) {
    return other.dim() == 2 ? per_row.unsqueeze(1) : per_row;
}

// The weighted squared error of each row on a grid.
at::Tensor grid_error(const GroupGrid& grid, const at::Tensor& targets, const at::Tensor& weights, int bits) {
    const at::Tensor error = (grid_values(grid, grid_codes(grid, targets, bits)) - targets).square_();
    return weights.defined() ? at::mv(error, weights) : error.sum(1);
}

void keep_better(GroupGrid& best, at::Tensor& best_error, const GroupGrid& grid, const at::Tensor& error) {
    const at::Tensor better = error < best_error;
    best.scale = at::where(better, grid.scale, best.scale);
    best.zero = at::where(better, grid.zero, best.zero);
    best_error = at::where(better, error, best_error);
}

struct SearchRange {
    double lowest;  // multiple of the full range's scale
    int steps;
    int zeros;  // neighbours of the full range's zero on each side
};

// What has to be tried shrinks with the bits: the more levels, the less is gained by clipping.
SearchRange search_range(int bits) {
    if (bits <= 2) return {0.22, 40, 3};
    if (bits == 3) return {0.40, 31, 2};
    if (bits == 4) return {0.60, 21, 1};
    return {0.95, 6, 0};
}

// The scale of least error for the codes that a grid gives, and the error with it; a few rounds of the two.
void refine(GroupGrid& best, at::Tensor& best_error, const at::Tensor& targets, const at::Tensor& weights, int bits) {
    for (int round = 0; round < 4; ++round) {
        const at::Tensor steps = grid_codes(best, targets, bits) - beside(best.zero, targets);
        const at::Tensor weighted = weights.defined() ? steps * weights.unsqueeze(0) : steps;
        const at::Tensor norm = (weighted * steps).sum(1);
        const at::Tensor scale = at::where(norm == 0, best.scale, (weighted * targets).sum(1) / norm);
        const GroupGrid grid = {round_scale(scale), best.zero};
        keep_better(best, best_error, grid, grid_error(grid, targets, weights, bits));
    }
}

GroupGrid full_range(const at::Tensor& targets, const GridSpec& spec) {
    const double most = most_code(spec.bits);
    if (spec.kind == GridKind::kMirror || spec.rule == ScaleRule::kAbsmax) {
        const at::Tensor scale = round_scale(targets.abs().amax(1) * (2.0 / most));
        const double zero = spec.kind == GridKind::kMirror ? most / 2 : (most + 1) / 2;
        return {scale, at::full_like(scale, zero)};
    }
    const at::Tensor low = targets.amin(1).clamp_max(0);
    const at::Tensor high = targets.amax(1).clamp_min(0);
    const at::Tensor scale = round_scale((high - low) / most);
    return {scale, at::round(-low * GroupGrid{scale, {}}.inverse()).clamp_(0, most)};
}

// Elements that one step of the search works on: what stays in a core's cache, or fills a GPU.
std::int64_t search_elements(at::Device device) {
    return device.is_cpu() ? std::int64_t{1} << 16 : std::int64_t{1} << 26;
}

// The weighted squared errors of each row for several scales: scales [steps, rows] -> [steps, rows].
at::Tensor scale_errors(const at::Tensor& scales, const at::Tensor& zero, const at::Tensor& targets,
                        const at::Tensor& weights, int bits) {
    const at::Tensor offset = zero.unsqueeze(1);
    at::Tensor error = at::addcmul(offset, targets, GroupGrid{scales, {}}.inverse().unsqueeze(2));
    error.round_().clamp_(0, most_code(bits)).sub_(offset).mul_(scales.unsqueeze(2)).sub_(targets).square_();
    return weights.defined() ? at::matmul(error, weights) : error.sum(2);
}

GroupGrid search(const at::Tensor& targets, const at::Tensor& weights, const GridSpec& spec) {
    GridSpec ends = spec;
    ends.rule = spec.kind == GridKind::kMirror ? ScaleRule::kAbsmax : ScaleRule::kMinmax;
    const GroupGrid full = full_range(targets, ends);
    GroupGrid best = full;
    at::Tensor best_error = grid_error(best, targets, weights, spec.bits);
    const SearchRange range = search_range(spec.bits);
    const at::Tensor shrinks = at::linspace(1.0, range.lowest, range.steps, targets.options());
    const at::Tensor scales = round_scale(at::outer(shrinks, full.scale));
    const std::int64_t at_once =
        std::clamp<std::int64_t>(search_elements(targets.device()) / targets.numel(), 1, range.steps);
    const int zeros = spec.kind == GridKind::kMirror ? 0 : range.zeros;
    for (int shift = -zeros; shift <= zeros; ++shift) {
        const at::Tensor zero =
            spec.kind == GridKind::kMirror ? full.zero : (full.zero + shift).clamp_(0, most_code(spec.bits));
        for (std::int64_t step = 0; step < range.steps; step += at_once) {
            const at::Tensor some = scales.slice(0, step, std::min<std::int64_t>(step + at_once, range.steps));
            const auto [error, place] = scale_errors(some, zero, targets, weights, spec.bits).min(0);
            const at::Tensor scale = some.gather(0, place.unsqueeze(0)).squeeze(0);
            keep_better(best, best_error, {scale, zero}, error);
        }
    }
    refine(best, best_error, targets, weights, spec.bits);
    return best;
}

}  // namespace

GridKind grid_from_name(std::string_view name) {
    DWUBIT_CHECK(name == "zero" || name == "mirror");
    return name == "zero" ? GridKind::kZero : GridKind::kMirror;
}

ScaleRule scale_from_name(std::string_view name) {
    DWUBIT_CHECK(name == "search" || name == "absmax" || name == "minmax");
    return name == "search" ? ScaleRule::kSearch : name == "absmax" ? ScaleRule::kAbsmax : ScaleRule::kMinmax;
}

at::Tensor GroupGrid::inverse() const {
    return at::where(scale == 0, at::zeros_like(scale), scale.reciprocal());
}

ColumnRounder::ColumnRounder(GroupGrid grid, int bits)
    : grid_(std::move(grid)), inverse_(grid_.inverse()), most_(most_code(bits)) {}

void ColumnRounder::round(const at::Tensor& target, at::Tensor& codes, at::Tensor& values) const {
    at::addcmul_out(codes, grid_.zero, target, inverse_);
    codes.round_().clamp_(0, most_);
    at::sub_out(values, codes, grid_.zero);
    values.mul_(grid_.scale);
}

at::Tensor grid_codes(const GroupGrid& grid, const at::Tensor& targets, int bits) {
    return at::round(targets * beside(grid.inverse(), targets) + beside(grid.zero, targets)).clamp_(0, most_code(bits));
}

at::Tensor grid_values(const GroupGrid& grid, const at::Tensor& codes) {
    return (codes - beside(grid.zero, codes)) * beside(grid.scale, codes);
}

GroupGrid fit_grid(const at::Tensor& targets, const at::Tensor& weights, const GridSpec& spec,
                   const std::string& where) {
    DWUBIT_CHECK(targets.dim() == 2 && targets.size(1) > 0);
    if (!at::isfinite(targets).all().item<bool>()) {
        throw Failure(errorf(ErrorKind::kInvalidInput, "{}: errors fed back grew beyond float32", where)
                          .with_hint("more damping: --set damping=0.1"));
    }
    const GroupGrid grid = spec.rule == ScaleRule::kSearch ? search(targets, weights, spec) : full_range(targets, spec);
    if (!at::isfinite(grid.scale).all().item<bool>()) {
        fail(ErrorKind::kInvalidInput, "{}: weights up to {:.3g} need a scale that float16 cannot hold", where,
             targets.abs().max().item<float>());
    }
    return grid;
}

}  // namespace dwubit::lab
