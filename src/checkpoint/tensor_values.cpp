// Reading values out of a TensorView: widening to float, and looking for NaN and infinity at memory speed.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/float16.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "checkpoint/stored_tensor.h"
#include "checkpoint/tensor_table.h"

namespace dwubit {
namespace {

// Bytes may lie at any address: files need not align tensors to their element size.
template <class T>
T load(const std::byte* bytes, std::size_t index) {
    T value;
    std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
    return value;
}

template <class T>
void widen(std::span<const std::byte> bytes, std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = to_float(load<T>(bytes.data(), i));
}

// How one dtype says "not finite" inside a 64-bit word of several lanes: a value is NaN or infinite exactly when all
// bits of `mask` are set, and then adding the lowest of them carries into the lane's top bit and no further (F8_E4M3
// has no infinity; its NaN is all seven bits). Two operations test eight bytes, and compilers vectorize them.
struct FloatLanes {
    std::uint64_t mask;
    std::uint64_t lowest;
    std::uint64_t top;
};

constexpr std::uint64_t kLanes16 = 0x0001000100010001;
constexpr std::uint64_t kLanes8 = 0x0101010101010101;

std::optional<FloatLanes> float_lanes(DType dtype) {
    switch (dtype) {
        case DType::kF64:
            return FloatLanes{0x7ff0000000000000, 0x0010000000000000, 0x8000000000000000};
        case DType::kF32:
            return FloatLanes{0x7f8000007f800000, 0x0080000000800000, 0x8000000080000000};
        case DType::kF16:
            return FloatLanes{0x7c00 * kLanes16, 0x0400 * kLanes16, 0x8000 * kLanes16};
        case DType::kBf16:
            return FloatLanes{0x7f80 * kLanes16, 0x0080 * kLanes16, 0x8000 * kLanes16};
        case DType::kF8E4M3:
            return FloatLanes{0x7f * kLanes8, 0x01 * kLanes8, 0x80 * kLanes8};
        case DType::kF8E5M2:
            return FloatLanes{0x7c * kLanes8, 0x04 * kLanes8, 0x80 * kLanes8};
        default:
            return std::nullopt;
    }
}

constexpr std::size_t kBlockWords = 1024;

// Whether the block of kBlockWords words at `bytes` holds a value that is not finite.
bool block_has_nonfinite(const std::byte* bytes, const FloatLanes& lanes) {
    std::uint64_t carries = 0;
    for (std::size_t i = 0; i < kBlockWords; ++i) {
        carries |= (load<std::uint64_t>(bytes, i) & lanes.mask) + lanes.lowest;
    }
    return (carries & lanes.top) != 0;
}

// Index of the first element in [first, last) that is not finite; elements are `size` bytes.
std::optional<std::size_t> first_nonfinite(std::span<const std::byte> bytes, const FloatLanes& lanes, std::size_t size,
                                           std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + i * size, size);
        if ((((word & lanes.mask) + lanes.lowest) & lanes.top & (~std::uint64_t{0} >> (64 - 8 * size))) != 0) return i;
    }
    return std::nullopt;
}

// True when element `index` is a NaN, false when it is infinite: the bits below the exponent tell.
bool is_nan(std::span<const std::byte> bytes, const FloatLanes& lanes, DType dtype, std::size_t index) {
    if (dtype == DType::kF8E4M3) return true;
    const std::size_t size = dtype_size(dtype);
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + index * size, size);
    const std::uint64_t mantissa = (lanes.lowest & (~lanes.lowest + 1)) - 1;
    return (word & mantissa) != 0;
}

// "[3, 17]", row-major.
std::string index_text(std::size_t flat, const Shape& shape) {
    Shape index(shape.size());
    for (std::size_t axis = shape.size(); axis-- > 0;) {
        const auto extent = static_cast<std::size_t>(shape[axis]);
        index[axis] = static_cast<std::int64_t>(flat % extent);
        flat /= extent;
    }
    return printable(to_string(index));
}

}  // namespace

Result<void> read_as_f32(const TensorView& tensor, std::span<float> out) {
    if (tensor.dtype == DType::kBlocks) {
        read_stored_rows(tensor, 0, stored_rows(tensor), out.data());
        return {};
    }
    DWUBIT_CHECK(out.size() * dtype_size(tensor.dtype) == tensor.bytes.size());
    switch (tensor.dtype) {
        case DType::kF32:
            if (!out.empty()) std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
            return {};
        case DType::kF16:
            widen<F16>(tensor.bytes, out);
            return {};
        case DType::kBf16:
            widen<Bf16>(tensor.bytes, out);
            return {};
        default:
            return errorf(ErrorKind::kUnsupported, "{}: tensor '{}' is {}; F32, F16 or BF16 can be read as numbers",
                          tensor.file, printable(tensor.name), dtype_name(tensor.dtype));
    }
}

namespace {

// check_finite() of a tensor in blocks: some rows at a time, decoded.
Result<void> check_blocks_finite(const TensorView& tensor) {
    const std::int64_t rows = stored_rows(tensor);
    const std::int64_t row_values = stored_row_values(tensor);
    const std::int64_t step = std::max(std::int64_t{1}, std::int64_t{kBlockWords} / row_values);
    std::vector<float> values;
    for (std::int64_t first = 0; first < rows; first += step) {
        const std::int64_t count = std::min(step, rows - first);
        values.resize(static_cast<std::size_t>(count * row_values));
        read_stored_rows(tensor, first, count, values.data());
        const auto bad = std::find_if_not(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
        if (bad == values.end()) continue;
        const auto at = static_cast<std::size_t>(first * row_values + (bad - values.begin()));
        return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' holds {} at {}", tensor.file, printable(tensor.name),
                      std::isnan(*bad) ? "NaN" : "infinity", index_text(at, tensor.shape))
            .with_hint("every weight must be finite; download or convert the checkpoint again");
    }
    return {};
}

}  // namespace

Result<void> check_finite(const TensorView& tensor) {
    if (tensor.dtype == DType::kBlocks) return check_blocks_finite(tensor);
    const auto lanes = float_lanes(tensor.dtype);
    if (!lanes) return {};
    const std::size_t size = dtype_size(tensor.dtype);
    const std::size_t count = tensor.bytes.size() / size;
    const std::size_t block = kBlockWords * 8 / size;
    for (std::size_t first = 0; first < count; first += block) {
        const std::size_t last = std::min(count, first + block);
        if (last - first == block && !block_has_nonfinite(tensor.bytes.data() + first * size, *lanes)) continue;
        if (const auto bad = first_nonfinite(tensor.bytes, *lanes, size, first, last)) {
            return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' holds {} at {}", tensor.file,
                          printable(tensor.name), is_nan(tensor.bytes, *lanes, tensor.dtype, *bad) ? "NaN" : "infinity",
                          index_text(*bad, tensor.shape))
                .with_hint("every weight must be finite; download or convert the checkpoint again");
        }
    }
    return {};
}

Result<void> check_weights_finite(const TensorTable& table, ThreadPool& pool) {
    std::vector<const TensorView*> tensors;
    for (const auto& entry : table.tensors()) tensors.push_back(&entry.second);
    std::vector<std::optional<Error>> errors(tensors.size());
    pool.parallel_for(static_cast<std::int64_t>(tensors.size()), [&](std::int64_t i) {
        auto checked = check_finite(*tensors[static_cast<std::size_t>(i)]);
        if (!checked.ok()) errors[static_cast<std::size_t>(i)] = std::move(checked).error();
    });
    for (auto& error : errors) {
        if (error) return *std::move(error);
    }
    return {};
}

}  // namespace dwubit
