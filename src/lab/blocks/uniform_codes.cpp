#include "lab/blocks/uniform_codes.h"

#include <algorithm>

#include "base/check.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

constexpr std::string_view kFormat = "uniform_group";

template <class T>
void copy_to(const at::Tensor& tensor, Field& field) {
    const at::Tensor flat = tensor.contiguous();
    const std::span<T> target = field.as<T>();
    DWUBIT_CHECK(static_cast<std::size_t>(flat.numel()) == target.size() && sizeof(T) == flat.element_size());
    std::copy_n(static_cast<const T*>(flat.data_ptr()), target.size(), target.begin());
}

}  // namespace

std::vector<OptionSpec> uniform_options() {
    OptionSpec bits = integer_option("bits", 2, 2, 8, "bits per code: 2, 3, 4 or 8");
    OptionSpec group = integer_option("group", 128, 0, 1 << 20, "weights per scale, 32 and more; 0 = the whole row");
    return {std::move(bits), std::move(group),
            choice_option("grid", {"mirror", "zero"},
                          "mirror: levels of both signs, none is 0; zero: integer zero per group"),
            choice_option("scale", {"search", "absmax", "minmax"}, "how the scale of a group is found")};
}

void check_uniform_options(const Parameters& parameters) {
    const std::int64_t bits = parameters.integer("bits");
    if (bits != 2 && bits != 3 && bits != 4 && bits != 8) {
        fail(ErrorKind::kUsage, "--set bits={}: must be 2, 3, 4 or 8", bits);
    }
    const std::int64_t group = parameters.integer("group");
    if (group > 0 && group < 32)
        fail(ErrorKind::kUsage, "--set group={}: must be 0 (the whole row) or at least 32", group);
    if (group % 8 != 0) fail(ErrorKind::kUsage, "--set group={}: must be a multiple of 8", group);
    if (parameters.choice("grid") == "mirror" && parameters.choice("scale") == "minmax") {
        throw Failure(errorf(ErrorKind::kUsage, "--set scale=minmax: a mirror grid has no zero to move")
                          .with_hint("--set grid=zero, or scale=search or absmax"));
    }
}

GridSpec grid_spec(const Parameters& parameters) {
    return {grid_from_name(parameters.choice("grid")), scale_from_name(parameters.choice("scale")),
            static_cast<int>(parameters.integer("bits"))};
}

std::vector<ColumnGroup> column_groups(std::int64_t columns, std::int64_t group) {
    const std::int64_t size = group == 0 ? columns : std::min(group, columns);
    std::vector<ColumnGroup> groups;
    for (std::int64_t first = 0; first < columns; first += size) {
        groups.push_back({first, std::min(size, columns - first)});
    }
    return groups;
}

UniformCodes::UniformCodes(std::int64_t rows, std::int64_t columns, const Parameters& parameters, at::Device device,
                           const at::Tensor& stored_order)
    : order_(stored_order) {
    const GridSpec spec = grid_spec(parameters);
    const auto groups = column_groups(columns, parameters.integer("group"));
    params_ = {{"bits", spec.bits},
               {"group", groups.front().count},
               {"grid", spec.kind == GridKind::kMirror ? "mirror" : "zero"},
               {"perm", stored_order.defined()}};
    const auto options = at::TensorOptions().device(device);
    codes_ = at::zeros({rows, columns}, options.dtype(at::kByte));
    scales_ = at::zeros({rows, static_cast<std::int64_t>(groups.size())}, options.dtype(at::kFloat));
    if (spec.kind == GridKind::kZero) zeros_ = at::zeros(scales_.sizes(), options.dtype(at::kByte));
}

void UniformCodes::set_codes(std::int64_t first_row, std::int64_t column, const at::Tensor& codes) {
    codes_.slice(0, first_row, first_row + codes.size(0)).slice(1, column, column + codes.size(1)).copy_(codes);
}

void UniformCodes::set_codes(std::int64_t first_row, const at::Tensor& index, const at::Tensor& codes) {
    at::Tensor rows = codes_.slice(0, first_row, first_row + codes.size(0));
    rows.index_copy_(1, index, codes.to(at::kByte));
}

void UniformCodes::set_grid(std::int64_t first_row, std::int64_t group, const GroupGrid& grid) {
    const std::int64_t last_row = first_row + grid.scale.size(0);
    scales_.slice(0, first_row, last_row).select(1, group).copy_(grid.scale);
    if (zeros_.defined()) zeros_.slice(0, first_row, last_row).select(1, group).copy_(grid.zero);
}

Codes UniformCodes::codes(std::int64_t first, std::int64_t count) const {
    const Format& format = *unwrap(find_format(kFormat, kUniformVersion));
    Codes codes;
    codes.shape = {count, codes_.size(1)};
    const auto rows = [&](const at::Tensor& all) { return all.slice(0, first, first + count).cpu(); };
    codes.params = unwrap(format.check_params(params_, codes.shape));
    for (const FieldSpec& spec : format.code_fields(codes.params, codes.shape)) {
        Field field = make_field(spec);
        if (spec.name == "codes") copy_to<std::uint8_t>(rows(codes_), field);
        if (spec.name == "scales") copy_to<std::uint16_t>(rows(scales_).to(at::kHalf), field);
        if (spec.name == "zeros") copy_to<std::uint8_t>(rows(zeros_), field);
        if (spec.name == "perm") copy_to<std::uint32_t>(order_.cpu().to(at::kInt), field);
        codes.fields.push_back(std::move(field));
    }
    return codes;
}

}  // namespace dwubit::lab
