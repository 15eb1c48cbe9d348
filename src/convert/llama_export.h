// What exports to the checkpoints of QuIP# and QTIP share: a Llama model in F16 whose linears are stored between two
// transforms rht as tensors of the layout, with SU and SV for their factors.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/log.h"
#include "convert/folder_writer.h"
#include "convert/shard.h"
#include "runtime/model/open_model.h"

namespace dwubit {

struct LlamaLayout {
    const char* id;    // of --to and --from
    const char* name;  // "QuIP#'s layout"
};

struct LlamaExported {
    std::uint64_t bytes = 0;     // of all files of the folder
    std::int64_t modules = 0;    // quantized
    double factor_rounding = 0;  // the largest relative change of a factor by storing it in F16
};

class LlamaExporter {
public:
    LlamaExporter(const OpenModel& model, const LlamaLayout& layout);
    virtual ~LlamaExporter() = default;

    // Everything that can be known before writing: errors name the module and what the layout asks for.
    Result<void> check();
    Result<void> write(FolderWriter& writer, ProgressSink& progress);

    std::int64_t modules() const { return static_cast<std::int64_t>(modules_.size()); }
    double factor_rounding() const { return factor_rounding_; }

protected:
    struct Module {
        std::string name;  // in the layout
        LinearShape linear;
        const LinearFormat* packed = nullptr;
    };

    // Calls find() for the modules of a layer.
    virtual Result<void> find_layer(std::int64_t layer) = 0;
    virtual Result<void> add_module(const Module& module, Shard& shard) = 0;
    // The member quip_params of config.json.
    virtual Json quip_params() const = 0;

    const ModelConfig& config() const { return model_.config; }
    const std::vector<Module>& found() const { return modules_; }
    // The module of the layout that is `linear`: in `format`, with rht on both sides, of sizes that its code has.
    Result<void> find(std::string name, const LinearShape& linear, const char* format);
    // Its codes, the buffers checked.
    Result<Codes> unpack(const Module& module) const;
    Result<std::vector<float>> factors(const Module& module, Side side) const;
    // Appends a factor in F16.
    Result<void> append_f16(double value, std::vector<F16>& list, const std::string& what);

    static std::string where(const Module& module);

private:
    Result<void> check_family() const;
    Result<void> add_rest(std::int64_t layer, Shard& shard) const;
    Json config_json() const;

    const OpenModel& model_;
    LlamaLayout layout_;
    std::vector<Module> modules_;
    double factor_rounding_ = 0;
};

// Checks, writes the folder `out`, all or nothing, and says what became of it.
Result<LlamaExported> run_llama_export(LlamaExporter& exporter, const OpenModel& model, const LlamaLayout& layout,
                                       const std::filesystem::path& out, bool overwrite, ProgressSink& progress);

}  // namespace dwubit
