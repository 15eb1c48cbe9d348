// What imports of the checkpoints of QuIP# and QTIP share: a Llama model whose linears are tensors of the layout, SU
// and SV among them, becomes a dwubit directory with rht on both sides.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "checkpoint/hf_dir.h"
#include "checkpoint/quantization_config.h"
#include "convert/folder_writer.h"
#include "convert/llama_export.h"
#include "convert/shard.h"
#include "runtime/formats/format.h"
#include "runtime/model/config.h"

namespace dwubit {

struct LlamaImported {
    std::uint64_t bytes = 0;
    std::int64_t modules = 0;
};

class LlamaImporter {
public:
    LlamaImporter(const HfDir& directory, const ModelConfig& config) : directory_(directory), config_(config) {}
    virtual ~LlamaImporter() = default;

    Result<void> write(FolderWriter& writer, ProgressSink& progress);
    std::int64_t modules() const { return static_cast<std::int64_t>(quantization_.modules.size()); }

protected:
    // The modules of a layer, by add().
    virtual Result<void> add_layer(std::int64_t layer, Shard& shard) = 0;

    const ModelConfig& config() const { return config_; }
    // A tensor of `module` with this dtype and shape.
    Result<const TensorView*> tensor(const std::string& module, const char* field, DType dtype, const Shape& shape);
    // One of any float dtype with so many values, all finite.
    Result<std::vector<float>> floats(const std::string& module, const char* field, std::int64_t count);
    // Whether there is one; it is not copied then.
    const TensorView* optional_tensor(const std::string& module, const char* field);
    // Packs the codes and the factors of both sides; `parts`: the linears that are fused in it.
    Result<void> add(const LinearShape& linear, const Codes& codes, const std::vector<float>& in,
                     const std::vector<float>& out, const std::vector<std::string>& parts, const Format& format,
                     Shard& shard);

private:
    Result<TransformUse> add_factors(const LinearShape& linear, Side side, const std::vector<float>& factors,
                                     Shard& shard) const;

    const HfDir& directory_;
    const ModelConfig& config_;
    QuantizationConfig quantization_;
    std::set<std::string> used_;
};

// Writes the folder `out`, all or nothing.
Result<LlamaImported> run_llama_import(LlamaImporter& importer, const HfDir& directory, const ModelConfig& config,
                                       const LlamaLayout& layout, const std::filesystem::path& out, bool overwrite,
                                       ProgressSink& progress);

}  // namespace dwubit
