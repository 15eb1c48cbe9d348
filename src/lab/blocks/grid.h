// Scalar grids: value = scale (code - zero), code in 0 .. 2^bits - 1, one scale and zero per row of a group.
//
//   kZero     zero is an integer in the codes' range
//   kMirror   zero is (2^bits - 1) / 2: values in pairs of both signs, none is 0 (+-0.5, +-1.5 at two bits)
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <string_view>

namespace dwubit::lab {

enum class GridKind { kZero, kMirror };
// How the scale is found: from the largest magnitude, from both ends (kZero only), or as the one of least weighted
// squared error.
enum class ScaleRule { kAbsmax, kMinmax, kSearch };

GridKind grid_from_name(std::string_view name);    // "zero", "mirror"
ScaleRule scale_from_name(std::string_view name);  // "absmax", "minmax", "search"

struct GridSpec {
    GridKind kind = GridKind::kMirror;
    ScaleRule rule = ScaleRule::kSearch;
    int bits = 2;
};

struct GroupGrid {
    at::Tensor scale;  // [rows] float32, each a float16 number; 0 for a group of zeros; may be negative
    at::Tensor zero;   // [rows] float32

    // 1 / scale, 0 where that is 0.
    at::Tensor inverse() const;
};

// The grid of each row of `targets` [rows, count]; `weights` [count] float32 is what a squared error costs per column
// (undefined = 1 each). Throws Failure naming `where` when a scale does not fit float16.
GroupGrid fit_grid(const at::Tensor& targets, const at::Tensor& weights, const GridSpec& spec,
                   const std::string& where);

// Codes of `targets` [rows] or [rows, count] on the grid, float32 integers; and the values that codes mean.
at::Tensor grid_codes(const GroupGrid& grid, const at::Tensor& targets, int bits);
at::Tensor grid_values(const GroupGrid& grid, const at::Tensor& codes);

// Both for one column at a time, in place: rounds `target` [rows] to `codes` [rows] and `values` [rows].
class ColumnRounder {
public:
    ColumnRounder(GroupGrid grid, int bits);
    void round(const at::Tensor& target, at::Tensor& codes, at::Tensor& values) const;

private:
    GroupGrid grid_;
    at::Tensor inverse_;
    double most_;
};

}  // namespace dwubit::lab
