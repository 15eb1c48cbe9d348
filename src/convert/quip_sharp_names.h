// What QuIP#'s export and import both know: names, codebooks, the members of config.json.
#pragma once

#include <string>
#include <vector>

#include "convert/llama_export.h"
#include "runtime/model/config.h"

namespace dwubit {

inline constexpr LlamaLayout kQuipSharpLayout = {"quip-sharp", "QuIP#'s layout"};

// A codebook of the layout. Where QuIP#'s code has another factor of the second stage it is resid_scale_override.
struct QuipCodebook {
    int bits;
    std::int64_t id;
    const char* name;
    int version;
    double packsz;  // codes of 16 bits to an element of Qidxs
};
inline constexpr QuipCodebook kQuipCodebooks[] = {
    {2, 7, "E8P12", 1, 4}, {3, 18, "E8P12RVQ3B", 0, 8.0 / 3}, {4, 17, "E8P12RVQ4B", 1, 2}};

// A module of the layout: its parts are rows in this order.
struct QuipModule {
    std::string module;
    std::vector<std::string> parts;  // of the model; one where it is not fused
};

// The four of a layer.
inline std::vector<QuipModule> quip_modules(const ModelConfig& config, std::int64_t layer) {
    const LayerTensorNames names = layer_tensor_names(config, layer);
    const auto sibling = [](const std::string& name, const char* leaf) {
        return name.substr(0, name.rfind('.') + 1) + leaf;
    };
    return {{sibling(names.q, "qkv_proj"), {names.q, names.k, names.v}},
            {names.o, {names.o}},
            {sibling(names.up, "upgate_proj"), {names.up, names.gate}},
            {names.down, {names.down}}};
}

}  // namespace dwubit
