// Writes a dwubit model directory layer by layer (docs/formats/dwubit-directory.md): one shard per layer after a first
// one with everything else, so that a finished layer is never written again.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/hf_dir.h"
#include "checkpoint/quantization_config.h"
#include "lab/pipeline/layer_quantizer.h"

namespace dwubit::lab {

class ModelWriter {
public:
    // `folder` exists; what an earlier run finished there is found again.
    ModelWriter(const HfDir& source, const ModelConfig& config, std::filesystem::path folder);

    // The layer is there, from an earlier run too.
    bool has_layer(std::int64_t layer) const;
    // Quantized linears in packed form, every other tensor of the layer as it is in the source.
    void write_layer(std::int64_t layer, const std::vector<QuantizedLinear>& linears);
    // The tensors outside the layers.
    void write_rest();

    // Index, config.json, side files. Afterwards the folder is a model, but for the notes.
    void finish();
    // The last thing: without its notes a run that stops here would begin again.
    void remove_notes() const;

    // After finish(), in file order: [{name, bytes, sha256}].
    const Json& files() const { return files_; }
    // Reports of all linears in layer order.
    const Json& tensors() const { return reports_; }

private:
    std::filesystem::path note_path(std::int64_t number) const;
    std::optional<Json> read_note(std::int64_t number) const;
    void write_shard(std::int64_t number, const std::vector<const TensorView*>& kept,
                     const std::vector<QuantizedLinear>& linears);
    void write_config(const QuantizationConfig& quantization) const;

    const HfDir& source_;
    const ModelConfig& config_;
    std::filesystem::path folder_;
    Json files_ = Json::array();
    Json reports_ = Json::array();
};

}  // namespace dwubit::lab
