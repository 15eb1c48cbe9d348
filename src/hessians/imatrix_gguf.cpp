#include "hessians/imatrix_gguf.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/gguf_writer.h"
#include "ggml/block_type.h"
#include "hessians/hessian_file.h"

namespace dwubit {
namespace {

constexpr std::string_view kSums = ".in_sum2";
constexpr std::string_view kCounts = ".counts";
constexpr std::int64_t kMaxChunks = std::numeric_limits<std::int32_t>::max();

// The numbers of a tensor of one matrix; none negative or not finite.
Result<std::vector<float>> read_numbers(const TensorView& tensor) {
    const std::string shown = "'" + printable(tensor.name) + "'";
    if (tensor.dtype != DType::kF32) return errorf(ErrorKind::kInvalidInput, "{} is not F32", shown);
    if (tensor.shape.empty() || tensor.shape.size() > 2) {
        return errorf(ErrorKind::kInvalidInput, "{} has {} dimensions, expected 2", shown, tensor.shape.size());
    }
    if (tensor.shape.size() == 2 && tensor.shape[0] != 1) {
        return errorf(ErrorKind::kUnsupported, "{} is of {} matrices: models with experts are not supported", shown,
                      tensor.shape[0]);
    }
    std::vector<float> numbers(tensor.bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), tensor.bytes.data(), numbers.size() * sizeof(float));
    const auto bad = std::find_if(numbers.begin(), numbers.end(), [](float x) { return !std::isfinite(x) || x < 0; });
    if (bad == numbers.end()) return numbers;
    return errorf(ErrorKind::kInvalidInput, "{} has {} at [{}]: a sum of squares is finite and not negative", shown,
                  *bad, bad - numbers.begin());
}

Result<ImatrixEntry> read_entry(const TensorTable& tensors, const TensorView& sums, std::string_view name) {
    ImatrixEntry entry;
    entry.name = std::string(name);
    DWUBIT_ASSIGN(entry.values, read_numbers(sums));
    if (entry.values.empty() || std::ssize(entry.values) > kMaxHessianSize) {
        return errorf(ErrorKind::kInvalidInput, "'{}' has {} columns", printable(sums.name), entry.values.size());
    }
    DWUBIT_ASSIGN(const TensorView* const found, tensors.require(entry.name + std::string(kCounts)));
    DWUBIT_ASSIGN(const std::vector<float> counts, read_numbers(*found));
    if (counts.size() != 1) {
        return errorf(ErrorKind::kInvalidInput, "'{}' has {} numbers, expected 1", printable(found->name),
                      counts.size());
    }
    const double count = counts[0];
    const double calls = std::clamp(std::ceil(count / kImatrixChunk), 1.0, static_cast<double>(kMaxChunks));
    entry.calls = static_cast<std::int32_t>(calls);
    for (float& value : entry.values) value = static_cast<float>(count > 0 ? value / count * calls : calls);
    return entry;
}

Result<Imatrix> parse(std::span<const std::byte> file, const std::string& name) {
    DWUBIT_ASSIGN(const GgufFile gguf, parse_gguf(file, name));
    DWUBIT_ASSIGN(const std::string type, gguf.metadata.string("general.type"));
    if (type != "imatrix") {
        return errorf(ErrorKind::kInvalidInput, "general.type is '{}', expected 'imatrix'", printable(type));
    }
    Imatrix imatrix;
    DWUBIT_ASSIGN(const std::int64_t chunks, gguf.metadata.integer("imatrix.chunk_count", 0, kMaxChunks, 0));
    imatrix.chunks = static_cast<std::int32_t>(chunks);
    if (gguf.metadata.has("imatrix.datasets")) {
        DWUBIT_ASSIGN(const auto* const datasets, gguf.metadata.strings("imatrix.datasets"));
        for (const std::string_view one : *datasets) {
            imatrix.dataset += (imatrix.dataset.empty() ? "" : ", ") + printable(one, 4096);
        }
    }
    for (const auto& [tensor_name, tensor] : gguf.tensors.tensors()) {
        if (!tensor_name.ends_with(kSums)) continue;
        const std::string_view entry = std::string_view(tensor_name).substr(0, tensor_name.size() - kSums.size());
        DWUBIT_ASSIGN(ImatrixEntry read, read_entry(gguf.tensors, tensor, entry));
        imatrix.entries.push_back(std::move(read));
    }
    if (imatrix.entries.empty()) return errorf(ErrorKind::kInvalidInput, "no tensor ends in '{}'", kSums);
    return imatrix;
}

}  // namespace

bool is_imatrix_gguf(std::span<const std::byte> file) {
    return file.size() >= 4 && std::memcmp(file.data(), "GGUF", 4) == 0;
}

Result<Imatrix> parse_imatrix_gguf(std::span<const std::byte> file, const std::string& name) {
    return parse(file, name);
}

Result<void> write_imatrix_gguf(const std::filesystem::path& path, const Imatrix& imatrix) {
    const std::vector<std::string> datasets = {imatrix.dataset};
    GgufFields fields;
    fields.add("general.type", "imatrix");
    fields.add("imatrix.datasets", std::span(datasets));
    fields.add("imatrix.chunk_count", static_cast<std::uint32_t>(std::max(imatrix.chunks, 0)));
    fields.add("imatrix.chunk_size", static_cast<std::uint32_t>(kImatrixChunk));
    const BlockType* const floats = find_block_type("F32");
    std::vector<GgufTensor> tensors;
    for (const ImatrixEntry& entry : imatrix.entries) {
        tensors.push_back({entry.name + std::string(kSums), {1, std::ssize(entry.values)}, floats});
        tensors.push_back({entry.name + std::string(kCounts), {1, 1}, floats});
    }
    DWUBIT_ASSIGN(GgufWriter writer, GgufWriter::create(path, fields, std::move(tensors)));
    for (const ImatrixEntry& entry : imatrix.entries) {
        std::vector<float> sums;
        for (const float value : entry.values) sums.push_back(value * static_cast<float>(kImatrixChunk));
        const float count = static_cast<float>(entry.calls) * static_cast<float>(kImatrixChunk);
        DWUBIT_TRY(writer.write(std::as_bytes(std::span(sums))));
        DWUBIT_TRY(writer.write(std::as_bytes(std::span(&count, 1))));
    }
    return writer.commit();
}

}  // namespace dwubit
