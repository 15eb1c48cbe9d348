#include "checkpoint/stored_tensor.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"
#include "ggml/block_type.h"

namespace dwubit {
namespace {

// Rows per unit of work.
constexpr std::int64_t kRows = 64;

// Where row `row` of `heads` heads lies: of each head GGUF has element pairs (i, i + half) side by side.
std::int64_t place_of_row(std::int64_t row, std::int64_t rows, std::int64_t heads) {
    if (heads == 0) return row;
    const std::int64_t size = rows / heads;
    const std::int64_t half = size / 2;
    const std::int64_t in_head = row % size;
    return row - in_head + (in_head % half) * 2 + in_head / half;
}

// A bias, whose values move as the rows of its matrix do.
bool is_reordered_vector(const TensorView& tensor) {
    return tensor.shape.size() == 1 && tensor.heads > 0;
}

std::size_t stored_row_bytes(const TensorView& tensor) {
    const auto rows = static_cast<std::size_t>(stored_rows(tensor));
    return rows == 0 ? 0 : tensor.bytes.size() / rows;
}

// The same blocks, row after row in the order of the shape.
TensorView ordered_blocks(const TensorView& tensor, std::shared_ptr<const void>& memory) {
    const std::shared_ptr<std::byte[]> bytes(new std::byte[tensor.bytes.size()]);
    std::byte* out = bytes.get();
    for (std::int64_t row = 0; row < stored_rows(tensor); ++row) {
        const auto from = stored_row(tensor, row);
        std::memcpy(out, from.data(), from.size());
        out += from.size();
    }
    TensorView ordered = tensor;
    ordered.bytes = {bytes.get(), tensor.bytes.size()};
    ordered.heads = 0;
    memory = bytes;
    return ordered;
}

}  // namespace

std::string_view stored_type_name(const TensorView& tensor) {
    return tensor.dtype == DType::kBlocks ? tensor.blocks->name : dtype_name(tensor.dtype);
}

DType value_dtype(const TensorView& tensor) {
    if (tensor.dtype != DType::kBlocks) return tensor.dtype;
    const std::string_view name = tensor.blocks->name;
    if (name == "F16") return DType::kF16;
    return name == "BF16" ? DType::kBf16 : DType::kF32;
}

std::int64_t stored_rows(const TensorView& tensor) {
    if (is_reordered_vector(tensor)) return tensor.shape[0];
    std::int64_t rows = 1;
    for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i) rows *= tensor.shape[i];
    return rows;
}

std::int64_t stored_row_values(const TensorView& tensor) {
    return tensor.shape.empty() || is_reordered_vector(tensor) ? 1 : tensor.shape.back();
}

std::span<const std::byte> stored_row(const TensorView& tensor, std::int64_t row) {
    const std::size_t bytes = stored_row_bytes(tensor);
    const std::int64_t place = place_of_row(row, stored_rows(tensor), tensor.heads);
    return tensor.bytes.subspan(static_cast<std::size_t>(place) * bytes, bytes);
}

void read_stored_rows(const TensorView& tensor, std::int64_t first, std::int64_t count, float* out) {
    const std::int64_t values = stored_row_values(tensor);
    if (tensor.dtype != DType::kBlocks) {
        TensorView rows = tensor;
        rows.shape = {count, values};
        const std::size_t bytes = stored_row_bytes(tensor);
        rows.bytes =
            tensor.bytes.subspan(static_cast<std::size_t>(first) * bytes, static_cast<std::size_t>(count) * bytes);
        DWUBIT_CHECK(read_as_f32(rows, {out, static_cast<std::size_t>(count * values)}).ok());
        return;
    }
    DWUBIT_CHECK(values % tensor.blocks->weights == 0);
    for (std::int64_t row = first; row < first + count; ++row, out += values) {
        tensor.blocks->decode(stored_row(tensor, row).data(), values / tensor.blocks->weights, out);
    }
}

void copy_stored_rows(const TensorView& tensor, std::int64_t first, std::int64_t count, std::byte* out) {
    const std::size_t bytes = static_cast<std::size_t>(stored_row_values(tensor)) * dtype_size(value_dtype(tensor));
    const bool as_stored = tensor.dtype != DType::kBlocks || tensor.blocks->weights == 1;
    for (std::int64_t row = first; row < first + count; ++row, out += bytes) {
        if (as_stored) {
            std::memcpy(out, stored_row(tensor, row).data(), bytes);
        } else {
            read_stored_rows(tensor, row, 1, reinterpret_cast<float*>(out));
        }
    }
}

TensorView plain_tensor(const TensorView& tensor, std::shared_ptr<const void>& memory, ThreadPool* pool) {
    if (tensor.dtype != DType::kBlocks) return tensor;
    TensorView plain = tensor;
    plain.dtype = value_dtype(tensor);
    plain.blocks = nullptr;
    plain.heads = 0;
    const std::int64_t rows = stored_rows(tensor);
    const std::size_t row_bytes = static_cast<std::size_t>(stored_row_values(tensor)) * dtype_size(plain.dtype);
    const std::size_t size = static_cast<std::size_t>(rows) * row_bytes;
    // Not set to zero: every byte is written below.
    const std::shared_ptr<std::byte[]> bytes(new std::byte[size]);
    const auto copy = [&](std::int64_t unit) {
        const std::int64_t first = unit * kRows;
        copy_stored_rows(tensor, first, std::min(kRows, rows - first),
                         bytes.get() + static_cast<std::size_t>(first) * row_bytes);
    };
    const std::int64_t units = (rows + kRows - 1) / kRows;
    if (pool != nullptr) {
        pool->parallel_for(units, copy);
    } else {
        for (std::int64_t unit = 0; unit < units; ++unit) copy(unit);
    }
    plain.bytes = {bytes.get(), size};
    memory = bytes;
    return plain;
}

void make_plain(TensorTable& table, ThreadPool& pool, const KeepBlocks& keep) {
    std::vector<TensorView> stored;
    for (const auto& [name, tensor] : table.tensors()) {
        if (tensor.dtype == DType::kBlocks) stored.push_back(tensor);
    }
    for (const TensorView& tensor : stored) {
        const bool kept = keep != nullptr && keep(tensor);
        if (kept && tensor.heads == 0) continue;
        std::shared_ptr<const void> memory;
        table.replace(kept ? ordered_blocks(tensor, memory) : plain_tensor(tensor, memory, &pool));
        table.keep_alive(std::move(memory));
    }
}

}  // namespace dwubit
