#include "lab/pipeline/model_writer.h"

#include <algorithm>
#include <set>

#include "base/atomic_file.h"
#include "checkpoint/model_folder.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/stored_tensor.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

// What an earlier run noted of a shard must have.
constexpr const char* kNoteMembers[] = {"file", "modules", "fused", "reports", "tensors", "tensor_bytes"};

// As write_shard() noted it.
TransformUse read_transform(const Json& use) {
    return {use.at("transform"), use.at("params")};
}

}  // namespace

ModelWriter::ModelWriter(const HfDir& source, const ModelConfig& config, std::filesystem::path folder)
    : source_(source), config_(config), folder_(std::move(folder)) {}

// Says what is in a shard; written after it, so that its presence means a finished shard.
std::filesystem::path ModelWriter::note_path(std::int64_t number) const {
    return folder_ / fmt::format("{}.note.json", shard_name(number, config_.layers + 1));
}

bool ModelWriter::has_layer(std::int64_t layer) const {
    return read_note(layer + 2).has_value();
}

// What an earlier run says of a shard; nothing where the note or the shard is missing, cut short or edited.
std::optional<Json> ModelWriter::read_note(std::int64_t number) const {
    Result<Json> note = read_json_file(note_path(number));
    if (!note.ok() || !note->is_object()) return std::nullopt;
    for (const char* member : kNoteMembers) {
        if (!note->contains(member)) return std::nullopt;
    }
    const Json& file = note->at("file");
    if (!file.is_object() || !file.contains("bytes") || !file.at("bytes").is_number_unsigned()) return std::nullopt;
    std::error_code error;
    const auto size = std::filesystem::file_size(folder_ / shard_name(number, config_.layers + 1), error);
    if (error || size != file.at("bytes").get<std::uint64_t>()) return std::nullopt;
    return std::move(*note);
}

void ModelWriter::write_layer(std::int64_t layer, const std::vector<QuantizedLinear>& linears) {
    std::vector<const TensorView*> kept;
    for (const auto& [name, tensor] : source_.tensors.tensors()) {
        // Its weight, and whatever else would stand where its buffers go; a bias stays.
        const auto replaces = [&](const std::string& module) {
            return name.starts_with(module + ".") && name != module + ".bias";
        };
        const bool quantized = std::any_of(linears.begin(), linears.end(), [&](const QuantizedLinear& linear) {
            return std::any_of(linear.linears.begin(), linear.linears.end(), replaces) || replaces(linear.name);
        });
        if (layer_of(config_, name) == layer && !quantized) kept.push_back(&tensor);
    }
    write_shard(layer + 2, kept, linears);
}

void ModelWriter::write_rest() {
    if (read_note(1).has_value()) return;
    std::vector<const TensorView*> kept;
    for (const auto& [name, tensor] : source_.tensors.tensors()) {
        if (!layer_of(config_, name)) kept.push_back(&tensor);
    }
    write_shard(1, kept, {});
}

void ModelWriter::write_shard(std::int64_t number, const std::vector<const TensorView*>& kept,
                              const std::vector<QuantizedLinear>& linears) {
    std::vector<TensorToWrite> tensors;
    Json modules = Json::object();
    Json fused = Json::object();
    Json reports = Json::array();
    for (const QuantizedLinear& linear : linears) {
        const PackedTensor& packed = linear.packed;
        for (const Field& buffer : packed.buffers) {
            tensors.push_back({linear.name + "." + buffer.name, buffer.dtype, buffer.shape, buffer.bytes});
        }
        for (const UsedTransform* used : {&linear.in, &linear.out}) {
            for (const Field& field : used->fields) {
                tensors.push_back({linear.name + "." + field.name, field.dtype, field.shape, field.bytes});
            }
        }
        modules[linear.name] = {{"format", packed.format},
                                {"format_version", packed.version},
                                {"params", packed.params},
                                {"in", {{"transform", linear.in.id}, {"params", linear.in.params}}},
                                {"out", {{"transform", linear.out.id}, {"params", linear.out.params}}}};
        if (linear.linears.size() > 1) fused[linear.name] = linear.linears;
        for (const Json& report : linear.reports) reports.push_back(report);
    }
    std::vector<std::shared_ptr<const void>> memory;
    for (const TensorView* tensor : kept) {
        const TensorView plain = plain_tensor(*tensor, memory.emplace_back());
        tensors.push_back({plain.name, plain.dtype, plain.shape, plain.bytes});
    }
    aligned_sizes_first(tensors);
    const std::string name = shard_name(number, config_.layers + 1);
    const WrittenFile file = unwrap(write_safetensors(folder_ / name, tensors, {{"format", "pt"}}));
    Json names = Json::array();
    std::uint64_t tensor_bytes = 0;
    for (const TensorToWrite& tensor : tensors) {
        names.push_back(tensor.name);
        tensor_bytes += tensor.bytes.size();
    }
    for (const std::string& padding : file.padding) names.push_back(padding);
    const Json note = {{"file", {{"name", name}, {"bytes", file.bytes}, {"sha256", file.sha256}}},
                       {"modules", std::move(modules)},
                       {"fused", std::move(fused)},
                       {"reports", std::move(reports)},
                       {"tensors", std::move(names)},
                       {"tensor_bytes", tensor_bytes}};
    unwrap(write_file_atomically(note_path(number), dump_json(note)));
}

void ModelWriter::finish() {
    QuantizationConfig quantization;
    std::set<std::string> fused_parts;
    std::map<std::string, std::string> weight_map;
    std::uint64_t tensor_bytes = 0;
    for (std::int64_t number = 1; number <= config_.layers + 1; ++number) {
        const std::optional<Json> read = read_note(number);
        if (!read) {
            const auto shard = folder_ / shard_name(number, config_.layers + 1);
            fail(ErrorKind::kIo, "{}: changed while the run was going on", shard.string());
        }
        const Json& note = *read;
        files_.push_back(note.at("file"));
        for (const auto& [module, value] : note.at("modules").items()) {
            quantization.modules[module] = {value.at("format"), value.at("format_version"), value.at("params"),
                                            read_transform(value.at("in")), read_transform(value.at("out"))};
        }
        for (const auto& [module, parts] : note.at("fused").items()) {
            for (const Json& name : parts) {
                const auto part = name.get<std::string>();
                fused_parts.insert(part);
                quantization.fused[module].push_back(part.substr(part.rfind('.') + 1));
            }
        }
        for (const Json& report : note.at("reports")) reports_.push_back(report);
        for (const Json& name : note.at("tensors")) {
            weight_map[name.get<std::string>()] = note.at("file").at("name").get<std::string>();
        }
        tensor_bytes += note.at("tensor_bytes").get<std::uint64_t>();
    }
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
        for (const Site site : kSites) {
            for (const std::string& module : site_linears(config_, layer, site)) {
                if (quantization.modules.count(module) + fused_parts.count(module) == 0) {
                    quantization.unquantized.push_back(module);
                }
            }
        }
    }
    write_config(quantization);
    unwrap(write_shard_index(folder_, weight_map, tensor_bytes));
    unwrap(copy_side_files(source_, folder_));
}

void ModelWriter::remove_notes() const {
    std::error_code ignored;
    for (std::int64_t number = 1; number <= config_.layers + 1; ++number) {
        std::filesystem::remove(note_path(number), ignored);
    }
}

void ModelWriter::write_config(const QuantizationConfig& quantization) const {
    Json config = source_.config;
    config["quantization_config"] = to_json(quantization);
    unwrap(write_file_atomically(folder_ / "config.json", dump_json(config, 2) + "\n"));
}

}  // namespace dwubit::lab
