#include "hessians/site_features.h"

namespace dwubit {

std::int64_t site_features(const ModelConfig& config, Site site) {
    switch (site) {
        case Site::kO:
            return config.heads * config.head_dim;
        case Site::kDown:
            return config.intermediate;
        case Site::kQkv:
        case Site::kUp:
            break;
    }
    return config.hidden;
}

}  // namespace dwubit
