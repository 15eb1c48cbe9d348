#include "checkpoint/tensor_table.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

struct DTypeRow {
    DType dtype;
    std::string_view name;
    std::size_t size;
};

constexpr std::array<DTypeRow, 15> kDTypes = {{
    {DType::kBool, "BOOL", 1},
    {DType::kU8, "U8", 1},
    {DType::kI8, "I8", 1},
    {DType::kU16, "U16", 2},
    {DType::kI16, "I16", 2},
    {DType::kU32, "U32", 4},
    {DType::kI32, "I32", 4},
    {DType::kU64, "U64", 8},
    {DType::kI64, "I64", 8},
    {DType::kF16, "F16", 2},
    {DType::kBf16, "BF16", 2},
    {DType::kF32, "F32", 4},
    {DType::kF64, "F64", 8},
    {DType::kF8E4M3, "F8_E4M3", 1},
    {DType::kF8E5M2, "F8_E5M2", 1},
}};

constexpr bool in_enum_order() {
    for (std::size_t i = 0; i < kDTypes.size(); ++i) {
        if (static_cast<std::size_t>(kDTypes[i].dtype) != i) return false;
    }
    return true;
}
static_assert(in_enum_order());

const DTypeRow& row_of(DType dtype) {
    return kDTypes[static_cast<std::size_t>(dtype)];
}

}  // namespace

std::string_view dtype_name(DType dtype) {
    if (dtype == DType::kBlocks) return "blocks";
    return row_of(dtype).name;
}

std::size_t dtype_size(DType dtype) {
    DWUBIT_CHECK(dtype != DType::kBlocks);
    return row_of(dtype).size;
}

Result<DType> dtype_from_name(std::string_view name) {
    std::string known;
    for (const DTypeRow& row : kDTypes) {
        if (row.name == name) return row.dtype;
        known += (known.empty() ? "" : ", ");
        known += row.name;
    }
    return errorf(ErrorKind::kUnsupported, "dtype '{}' is not supported", printable(name, 40))
        .with_hint("supported: " + known);
}

const TensorView* TensorTable::find(std::string_view name) const {
    const auto at = tensors_.find(name);
    return at == tensors_.end() ? nullptr : &at->second;
}

Result<const TensorView*> TensorTable::require(std::string_view name) const {
    if (const TensorView* tensor = find(name)) return tensor;
    std::vector<std::string> names;
    names.reserve(tensors_.size());
    for (const auto& entry : tensors_) names.push_back(entry.first);
    Error error = errorf(ErrorKind::kNotFound, "tensor '{}' is not in the checkpoint", printable(name));
    if (const auto nearest = nearest_name(name, names)) error.hint = "nearest name: " + printable(*nearest);
    return error;
}

Result<const TensorView*> TensorTable::require(std::string_view name, const Shape& shape) const {
    DWUBIT_ASSIGN(const TensorView* tensor, require(name));
    if (tensor->shape != shape) {
        return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' has shape {}, expected {}", tensor->file,
                      printable(name), printable(to_string(tensor->shape)), to_string(shape));
    }
    return tensor;
}

std::uint64_t TensorTable::total_bytes() const {
    std::uint64_t total = 0;
    for (const auto& entry : tensors_) total += entry.second.bytes.size();
    return total;
}

Result<void> TensorTable::add(TensorView tensor) {
    std::string name = tensor.name;
    const std::string file = tensor.file;
    const auto [at, inserted] = tensors_.try_emplace(std::move(name), std::move(tensor));
    if (inserted) return {};
    return errorf(ErrorKind::kInvalidInput, "tensor '{}' is in {} and again in {}", printable(at->first),
                  at->second.file, file);
}

Result<void> TensorTable::merge(TensorTable other) {
    for (auto& entry : other.tensors_) DWUBIT_TRY(add(std::move(entry.second)));
    for (auto& kept : other.kept_) kept_.push_back(std::move(kept));
    return {};
}

void TensorTable::keep_alive(MappedFile file) {
    kept_.push_back(std::make_shared<const MappedFile>(std::move(file)));
}

void TensorTable::replace(TensorView tensor) {
    const auto at = tensors_.find(tensor.name);
    DWUBIT_CHECK(at != tensors_.end());
    at->second = std::move(tensor);
}

}  // namespace dwubit
