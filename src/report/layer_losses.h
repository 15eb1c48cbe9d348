// The relative proxy of every linear, sorted by kind of linear and layer, as their names say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "report/report_data.h"

namespace dwubit::report {

struct ModelLosses {
    std::size_t place = 0;                                        // in Report::models
    std::map<std::string, std::map<std::int64_t, double>> kinds;  // kind -> layer -> loss
};

struct LayerLosses {
    std::vector<std::string> kinds;  // in the order in which the first models name them
    std::vector<ModelLosses> models;
};

// "model.layers.3.self_attn.q_proj" is kind q_proj of layer 3. Several linears of a kind in one layer (experts) count
// by their mean; tensors without a layer and losses that are not measured are left out.
LayerLosses layer_losses(const Report& report);

}  // namespace dwubit::report
