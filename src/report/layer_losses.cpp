#include "report/layer_losses.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace dwubit::report {
namespace {

struct Where {
    std::string kind;
    std::int64_t layer = 0;
};

// The first part that is a number is the layer, the last part is the kind.
std::optional<Where> where_of(std::string_view name) {
    std::optional<std::int64_t> layer;
    std::string_view kind;
    while (!name.empty()) {
        const std::size_t dot = std::min(name.find('.'), name.size());
        const std::string_view part = name.substr(0, dot);
        name.remove_prefix(std::min(dot + 1, name.size()));
        std::int64_t number = 0;
        const auto end = std::from_chars(part.data(), part.data() + part.size(), number);
        const bool whole = end.ec == std::errc() && end.ptr == part.data() + part.size() && number >= 0;
        if (whole && !layer) layer = number;
        if (part != "weight") kind = part;
    }
    if (!layer || kind.empty()) return std::nullopt;
    return Where{std::string(kind), *layer};
}

}  // namespace

LayerLosses layer_losses(const Report& report) {
    LayerLosses losses;
    for (std::size_t place = 0; place < report.models.size(); ++place) {
        std::map<std::string, std::map<std::int64_t, std::pair<double, std::size_t>>> sums;
        for (const TensorLoss& tensor : report.models[place].tensors) {
            const auto where = where_of(tensor.name);
            if (!where || !tensor.relative_proxy) continue;
            auto& [sum, count] = sums[where->kind][where->layer];
            sum += *tensor.relative_proxy;
            ++count;
            const bool known = std::find(losses.kinds.begin(), losses.kinds.end(), where->kind) != losses.kinds.end();
            if (!known) losses.kinds.push_back(where->kind);
        }
        if (sums.empty()) continue;
        ModelLosses model{place, {}};
        for (const auto& [kind, layers] : sums) {
            for (const auto& [layer, entry] : layers) {
                model.kinds[kind][layer] = entry.first / static_cast<double>(entry.second);
            }
        }
        losses.models.push_back(std::move(model));
    }
    return losses;
}

}  // namespace dwubit::report
