// What every checkpoint reader produces: a table of named tensors that view mapped files.
//
// Plain data, so that safetensors, GGUF and dwubit directories look the same to whoever binds weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/span.h"
#include "dwubit/result.h"

namespace dwubit {

class ThreadPool;
struct BlockType;

// kBlocks: not an element type; the values are in ggml's blocks (stored_tensor.h).
enum class DType {
    kBool,
    kU8,
    kI8,
    kU16,
    kI16,
    kU32,
    kI32,
    kU64,
    kI64,
    kF16,
    kBf16,
    kF32,
    kF64,
    kF8E4M3,
    kF8E5M2,
    kBlocks
};

// The safetensors name: "BF16", "F32", "I64", "F8_E4M3", ...
std::string_view dtype_name(DType dtype);
Result<DType> dtype_from_name(std::string_view name);
std::size_t dtype_size(DType dtype);  // bytes per element; not of kBlocks

struct TensorView {
    std::string name;
    DType dtype = DType::kF32;
    Shape shape;
    std::span<const std::byte> bytes;  // row-major, little-endian; not necessarily aligned to the element size
    std::string file;                  // base name of the file it lies in, for messages

    // Of kBlocks: `bytes` are rows of such blocks. With `heads` > 0 the rows of each of that many heads lie in GGUF's
    // order for RoPE (element pairs side by side), while `shape` means Hugging Face's (halves).
    const BlockType* blocks = nullptr;
    std::int64_t heads = 0;
};

class TensorTable {
public:
    const TensorView* find(std::string_view name) const;
    // NotFound with the nearest name as hint.
    Result<const TensorView*> require(std::string_view name) const;
    // Also checks the shape; the message has both.
    Result<const TensorView*> require(std::string_view name, const Shape& shape) const;

    const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
    std::uint64_t total_bytes() const;

    // For readers. add() refuses a second tensor of the same name and names both files.
    Result<void> add(TensorView tensor);
    // add() of all of them, kept alive as they were.
    Result<void> merge(TensorTable other);
    // Keeps what the views point into: MappedFile, or memory of the table's own.
    void keep_alive(MappedFile file);
    void keep_alive(std::shared_ptr<const void> memory) { kept_.push_back(std::move(memory)); }
    // Puts `tensor` in place of the one of its name, which must be there.
    void replace(TensorView tensor);

private:
    std::map<std::string, TensorView, std::less<>> tensors_;
    std::vector<std::shared_ptr<const void>> kept_;
};

// Widens `tensor` (F32, F16, BF16; others are an error that names it) to out, whose size must be its element count.
Result<void> read_as_f32(const TensorView& tensor, std::span<float> out);

// Error naming the tensor and the first bad index (as [row, column]) when a float tensor holds NaN or infinity.
// Integer tensors pass.
Result<void> check_finite(const TensorView& tensor);

// check_finite() of every tensor, in parallel; of several errors the first in name order, for any pool size.
Result<void> check_weights_finite(const TensorTable& table, ThreadPool& pool);

}  // namespace dwubit
