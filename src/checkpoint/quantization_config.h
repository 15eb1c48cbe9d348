// The member `quantization_config` of a dwubit model directory's config.json (docs/formats/dwubit-directory.md): which
// format each module has. Tensors are `<module>.<field>`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

struct TransformUse {
    std::string transform = "none";
    Json params = Json::object();
};

struct ModuleQuantization {
    std::string format;  // id in formats.inc
    int format_version = 1;
    Json params = Json::object();
    TransformUse in;
    TransformUse out;
};

struct QuantizationConfig {
    static constexpr int kVersion = 1;

    std::map<std::string, std::vector<std::string>> fused;  // fused module -> its parts, in order
    std::map<std::string, ModuleQuantization> modules;      // a Hugging Face module name, or a pattern with '*'
    std::vector<std::string> unquantized;                   // linears kept as they were, whatever patterns say

    // The exact name wins over patterns, of patterns the longest, the first of equals; nullptr where the
    // module is not quantized.
    const ModuleQuantization* find(std::string_view module) const;
};

// {quant_method: "dwubit", format_version: 1, fused, modules, unquantized}
Json to_json(const QuantizationConfig& config);

// nullopt where config.json has no quantization_config; Unsupported for another quant_method (named) or a newer
// format_version; InvalidInput with the member's name for anything malformed.
Result<std::optional<QuantizationConfig>> read_quantization_config(const Json& config);

}  // namespace dwubit
