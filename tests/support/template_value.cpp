#include "support/template_value.h"

namespace dwubit {

tmpl::Value template_value(const nlohmann::ordered_json& json) {
    if (json.is_object()) {
        std::vector<std::pair<std::string, tmpl::Value>> items;
        for (const auto& [key, value] : json.items()) items.emplace_back(key, template_value(value));
        return tmpl::Value::dict(std::move(items));
    }
    if (json.is_array()) {
        std::vector<tmpl::Value> items;
        for (const auto& item : json) items.push_back(template_value(item));
        return tmpl::Value::list(std::move(items));
    }
    if (json.is_string()) return tmpl::Value(json.get<std::string>());
    if (json.is_boolean()) return tmpl::Value(json.get<bool>());
    if (json.is_number_integer()) return tmpl::Value(json.get<std::int64_t>());
    if (json.is_number()) return tmpl::Value(json.get<double>());
    return {};
}

}  // namespace dwubit
