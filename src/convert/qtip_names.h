// What QTIP's export and import both know.
#pragma once

#include <string>
#include <vector>

#include "convert/llama_export.h"
#include "runtime/model/config.h"

namespace dwubit {

inline constexpr LlamaLayout kQtipLayout = {"qtip", "QTIP's layout"};
inline constexpr std::int64_t kQtipTensorParallelRank = 8;  // tp_rank where there is no tensor parallelism

// A linear of the layout.
struct QtipModule {
    std::string module;
    const char* leaf;  // in skip_list: "<layer>_<leaf>"
    bool value;        // v_proj, which may have bits of its own: K_v_proj
};

// The seven of a layer.
inline std::vector<QtipModule> qtip_modules(const ModelConfig& config, std::int64_t layer) {
    const LayerTensorNames names = layer_tensor_names(config, layer);
    return {{names.q, "q", false},       {names.k, "k", false},   {names.v, "v", true},       {names.o, "o", false},
            {names.gate, "gate", false}, {names.up, "up", false}, {names.down, "down", false}};
}

}  // namespace dwubit
