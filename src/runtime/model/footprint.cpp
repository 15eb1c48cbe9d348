#include "runtime/model/footprint.h"

#include <set>
#include <string>
#include <system_error>

#include "base/check.h"

namespace dwubit {
namespace {

std::uint64_t elements(const TensorView& tensor) {
    std::int64_t count = 0;
    return element_count(tensor.shape, &count) ? static_cast<std::uint64_t>(count) : 0;
}

std::uint64_t weights_of(const LinearShape& linear) {
    return static_cast<std::uint64_t>(linear.out) * static_cast<std::uint64_t>(linear.in);
}

std::uint64_t count_parameters(const OpenModel& model) {
    const TensorTable& table = model.directory.tensors;
    std::uint64_t count = 0;
    for (const auto& [name, tensor] : table.tensors()) count += elements(tensor);
    for (const LinearShape& linear : all_linears(model.config)) {
        const auto packed = model.config.packed.find(linear.module);
        if (packed == model.config.packed.end()) continue;
        for (const TensorView& buffer : stored_buffers(table, linear, packed->second)) count -= elements(buffer);
        count += weights_of(linear);
    }
    return count;
}

std::uint64_t file_bytes(const HfDir& directory) {
    std::set<std::string> files;
    for (const auto& [name, tensor] : directory.tensors.tensors()) files.insert(tensor.file);
    std::uint64_t bytes = 0;
    const std::filesystem::path folder = directory.is_gguf() ? directory.path.parent_path() : directory.path;
    for (const std::string& file : files) {
        std::error_code code;
        const std::uintmax_t size = std::filesystem::file_size(folder / file, code);
        if (!code) bytes += size;
    }
    return bytes;
}

}  // namespace

double bits_per_weight(std::uint64_t bytes, std::uint64_t weights) {
    return weights == 0 ? 0.0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
}

std::uint64_t linear_bytes(const OpenModel& model, const LinearShape& linear) {
    const TensorTable& table = model.directory.tensors;
    const auto packed = model.config.packed.find(linear.module);
    if (packed == model.config.packed.end()) {
        const TensorView* const weight = table.find(linear.module + ".weight");
        DWUBIT_CHECK(weight != nullptr);
        return weight->bytes.size();
    }
    std::uint64_t bytes = 0;
    for (const TensorView& buffer : stored_buffers(table, linear, packed->second)) bytes += buffer.bytes.size();
    return bytes;
}

Footprint measure_footprint(const OpenModel& model) {
    const ModelConfig& config = model.config;
    const TensorTable& table = model.directory.tensors;
    Footprint footprint;
    footprint.parameters = count_parameters(model);
    const bool packed = model.directory.config.contains("quantization_config");
    footprint.bytes = packed || model.directory.is_gguf() ? file_bytes(model.directory) : table.total_bytes();
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        for (const LinearShape& linear : layer_linears(config, layer)) {
            if (!config.packed.empty() && config.packed.count(linear.module) == 0) continue;
            footprint.linear_bytes += linear_bytes(model, linear);
            footprint.linear_weights += weights_of(linear);
        }
    }
    // A token reads every weight once, but of the embedding one row; all of it where it is the head too.
    footprint.bytes_per_token = table.total_bytes();
    if (!config.tied_embeddings) {
        const TensorView* const embedding = table.find(global_tensor_names(config).embedding + ".weight");
        DWUBIT_CHECK(embedding != nullptr);
        const std::uint64_t bytes = embedding->bytes.size();
        footprint.bytes_per_token -= bytes - bytes / static_cast<std::uint64_t>(config.vocab);
    }
    return footprint;
}

}  // namespace dwubit
