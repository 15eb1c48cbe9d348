// Files of torch.save, read without running the pickle inside.
//
// Such a file is a zip archive of stored entries: <prefix>/data.pkl, a program for Python's pickle machine, and
// <prefix>/data/<key>, the bytes of each storage. The reader here knows the few instructions that dictionaries, lists,
// tuples, numbers, text and dense tensors need and refuses every other one, and every name of a function or class but
// those of tensors: nothing from the file is ever executed. Sizes, offsets and extents are checked against the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/span.h"
#include "checkpoint/tensor_table.h"
#include "dwubit/result.h"

namespace dwubit {

enum class PtKind { kNone, kBool, kInteger, kNumber, kText, kList, kDict, kTensor, kStorage, kGlobal };

// Tuples are lists here. Containers hold numbers of other values, since a value may be in several places.
struct PtValue {
    PtKind kind = PtKind::kNone;
    std::int64_t integer = 0;          // bool, integer
    double number = 0;                 // number
    std::string text;                  // text; global: "torch float32"
    std::vector<std::uint32_t> items;  // list; dict: key, value, key, value, ...
    DType dtype = DType::kF32;         // tensor, storage
    Shape shape;                       // tensor
    std::span<const std::byte> bytes;  // tensor (row-major, contiguous), storage; not aligned
};

class PtFile {
public:
    // Unsupported for what torch can save and we do not read (old format, compressed or big-endian files, views that
    // are not contiguous, other classes, named); InvalidInput for what is broken.
    static Result<PtFile> open(const std::filesystem::path& path);
    // A file in memory, which must outlive this; messages begin with `name`.
    static Result<PtFile> parse(std::span<const std::byte> file, const std::string& name);

    const PtValue& root() const { return values_[root_]; }
    const PtValue& value(std::uint32_t number) const { return values_[number]; }

    // A member of the root, which must be a dict; nullptr where it is absent.
    const PtValue* find(std::string_view key) const;
    // A tensor of that dtype and shape. NotFound, or InvalidInput with both.
    Result<const PtValue*> tensor(std::string_view key, DType dtype, const Shape& shape) const;
    // An integer from min to max; a tensor with one integer counts as one.
    Result<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max) const;

private:
    std::shared_ptr<MappedFile> file_;
    std::string name_;
    std::vector<PtValue> values_;
    std::uint32_t root_ = 0;
};

struct PtTensor {
    DType dtype = DType::kF32;
    Shape shape;
    std::span<const std::byte> bytes;
};

using PtMember = std::pair<std::string, std::variant<std::int64_t, PtTensor>>;

// A dict of these members, in this order, as torch.load(weights_only=True) reads it; tensors at multiples of 64. The
// same input gives the same bytes. Atomic. Unsupported above 4 GiB.
Result<void> write_pt(const std::filesystem::path& path, std::span<const PtMember> members);

}  // namespace dwubit
