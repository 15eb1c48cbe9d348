// From grids and codes of row blocks to the Codes of format uniform_group; shared by the methods that emit it.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <string>
#include <vector>

#include "lab/blocks/feedback.h"
#include "lab/blocks/grid.h"
#include "lab/methods/recipe.h"
#include "runtime/formats/format.h"

namespace dwubit::lab {

inline constexpr int kUniformVersion = 1;  // of format uniform_group

// The options of every method on this format: bits, group, grid, scale.
std::vector<OptionSpec> uniform_options();
// Throws a usage Failure: group 1..31, scale=minmax with grid=mirror.
void check_uniform_options(const Parameters& parameters);
GridSpec grid_spec(const Parameters& parameters);

// Groups of `group` columns (0 = the whole row) that tile [0, columns); the last may be short.
std::vector<ColumnGroup> column_groups(std::int64_t columns, std::int64_t group);

// Where the row blocks of a matrix, or of several below each other, put what they found. Blocks may be written by
// several threads at once.
class UniformCodes {
public:
    // stored_order: [in] int64, stored column j is input channel stored_order[j]; undefined = the model's order.
    UniformCodes(std::int64_t rows, std::int64_t columns, const Parameters& parameters, at::Device device,
                 const at::Tensor& stored_order);

    std::int64_t groups() const { return scales_.size(1); }
    // codes: [rows, count] float32 integers of stored columns [column, column + count).
    void set_codes(std::int64_t first_row, std::int64_t column, const at::Tensor& codes);
    // The same for any stored columns: index [count] int64.
    void set_codes(std::int64_t first_row, const at::Tensor& index, const at::Tensor& codes);
    void set_grid(std::int64_t first_row, std::int64_t group, const GroupGrid& grid);

    // Rows [first, first + count) in std types, with the format's parameters.
    Codes codes(std::int64_t first, std::int64_t count) const;
    Codes codes() const { return codes(0, codes_.size(0)); }

private:
    Json params_;
    at::Tensor codes_;   // [rows, columns] uint8
    at::Tensor scales_;  // [rows, groups] float32
    at::Tensor zeros_;   // [rows, groups] uint8; undefined for mirror grids
    at::Tensor order_;   // [columns] int64 or undefined
};

}  // namespace dwubit::lab
