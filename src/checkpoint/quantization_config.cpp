#include "checkpoint/quantization_config.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr const char* kMethod = "dwubit";
constexpr const char* kWhere = "config.json: quantization_config";
constexpr std::size_t kMaxPatterns = 256;  // each may have to be tried for each linear
constexpr std::int64_t kMaxVersion = std::numeric_limits<int>::max();

bool is_pattern(std::string_view name) {
    return name.find('*') != std::string_view::npos;
}

// Whether `name` fits `pattern`, in which '*' stands for any text. Greedy with one point to go back to.
bool matches(std::string_view pattern, std::string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;  // the last '*' passed, and how much of the name it has taken
    std::size_t taken = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

Json to_json(const TransformUse& use) {
    return {{"transform", use.transform}, {"params", use.params}};
}

// Members outside `known` are refused: they could change what the bytes mean.
Result<void> refuse_unknown(const Json& object, const std::string& where, std::initializer_list<const char*> known) {
    for (const auto& [key, value] : object.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        return errorf(ErrorKind::kUnsupported, "{}: member '{}' is not known", where, printable(key));
    }
    return {};
}

Result<Json> read_params(const Fields& fields) {
    if (!fields.has("params")) return Json::object();
    DWUBIT_ASSIGN(const Json* params, fields.object("params"));
    return *params;
}

Result<TransformUse> read_transform(const Fields& module, const char* key, const std::string& where) {
    TransformUse use;
    if (!module.has(key)) return use;
    DWUBIT_ASSIGN(const Json* json, module.object(key));
    const std::string place = fmt::format("{}.{}", where, key);
    DWUBIT_TRY(refuse_unknown(*json, place, {"transform", "params"}));
    const Fields fields(*json, place);
    DWUBIT_ASSIGN(use.transform, fields.string("transform"));
    DWUBIT_ASSIGN(use.params, read_params(fields));
    return use;
}

Result<ModuleQuantization> read_module(const Json& json, const std::string& where) {
    DWUBIT_TRY(refuse_unknown(json, where, {"format", "format_version", "params", "in", "out"}));
    const Fields fields(json, where);
    ModuleQuantization module;
    DWUBIT_ASSIGN(module.format, fields.string("format"));
    DWUBIT_ASSIGN(const std::int64_t version, fields.integer("format_version", 1, kMaxVersion));
    module.format_version = static_cast<int>(version);
    DWUBIT_ASSIGN(module.params, read_params(fields));
    DWUBIT_ASSIGN(module.in, read_transform(fields, "in", where));
    DWUBIT_ASSIGN(module.out, read_transform(fields, "out", where));
    return module;
}

Result<void> read_modules(const Fields& fields, QuantizationConfig& config) {
    DWUBIT_ASSIGN(const Json* modules, fields.object("modules"));
    std::size_t patterns = 0;
    for (const auto& [name, json] : modules->items()) {
        const std::string where = fmt::format("{}: module '{}'", kWhere, printable(name));
        if (!json.is_object()) return errorf(ErrorKind::kInvalidInput, "{} must be an object", where);
        if (is_pattern(name) && ++patterns > kMaxPatterns) {
            return errorf(ErrorKind::kInvalidInput, "{}: 'modules' has more than {} patterns", kWhere, kMaxPatterns);
        }
        DWUBIT_ASSIGN(config.modules[name], read_module(json, where));
    }
    return {};
}

Result<std::vector<std::string>> read_names(const Json& list, const std::string& what) {
    std::vector<std::string> names;
    for (const Json& name : list) {
        if (!name.is_string()) {
            return errorf(ErrorKind::kInvalidInput, "{}: {} must hold names only", kWhere, what);
        }
        names.push_back(name.get<std::string>());
    }
    return names;
}

Result<void> read_fused(const Fields& fields, QuantizationConfig& config) {
    if (!fields.has("fused")) return {};
    DWUBIT_ASSIGN(const Json* fused, fields.object("fused"));
    for (const auto& [name, parts] : fused->items()) {
        const std::string what = fmt::format("fused '{}'", printable(name));
        if (!parts.is_array() || parts.empty()) {
            return errorf(ErrorKind::kInvalidInput, "{}: {} must be an array of module names", kWhere, what);
        }
        DWUBIT_ASSIGN(config.fused[name], read_names(parts, what));
    }
    return {};
}

Result<void> read_unquantized(const Fields& fields, QuantizationConfig& config) {
    if (!fields.has("unquantized")) return {};
    DWUBIT_ASSIGN(const Json* names, fields.array("unquantized"));
    DWUBIT_ASSIGN(config.unquantized, read_names(*names, "'unquantized'"));
    for (const std::string& name : config.unquantized) {
        if (config.modules.count(name) == 0) continue;
        return errorf(ErrorKind::kInvalidInput, "{}: '{}' is in 'modules' and in 'unquantized'", kWhere,
                      printable(name));
    }
    return {};
}

}  // namespace

const ModuleQuantization* QuantizationConfig::find(std::string_view module) const {
    const auto exact = modules.find(std::string(module));
    if (exact != modules.end()) return &exact->second;
    const ModuleQuantization* best = nullptr;
    std::size_t length = 0;
    for (const auto& [pattern, quantization] : modules) {
        if (pattern.size() <= length || !is_pattern(pattern) || !matches(pattern, module)) continue;
        best = &quantization;
        length = pattern.size();
    }
    if (best == nullptr || std::find(unquantized.begin(), unquantized.end(), module) != unquantized.end()) {
        return nullptr;
    }
    return best;
}

Json to_json(const QuantizationConfig& config) {
    Json modules = Json::object();
    for (const auto& [name, module] : config.modules) {
        modules[name] = {{"format", module.format},
                         {"format_version", module.format_version},
                         {"params", module.params},
                         {"in", to_json(module.in)},
                         {"out", to_json(module.out)}};
    }
    Json fused = Json::object();
    for (const auto& [name, parts] : config.fused) fused[name] = parts;
    return {{"quant_method", kMethod},
            {"format_version", QuantizationConfig::kVersion},
            {"fused", std::move(fused)},
            {"modules", std::move(modules)},
            {"unquantized", config.unquantized}};
}

Result<std::optional<QuantizationConfig>> read_quantization_config(const Json& config) {
    const Fields outer(config, "config.json");
    if (!outer.has("quantization_config")) return std::optional<QuantizationConfig>();
    DWUBIT_ASSIGN(const Json* json, outer.object("quantization_config"));
    const Fields fields(*json, kWhere);
    const Json* method = fields.find("quant_method");
    if (method == nullptr || *method != kMethod) {
        return errorf(ErrorKind::kUnsupported, "config.json: the checkpoint is quantized already (quant_method {})",
                      method != nullptr ? printable(dump_json(*method)) : "missing")
            .with_hint("use the checkpoint it was made from, in F32, F16 or BF16");
    }
    DWUBIT_ASSIGN(const std::int64_t version, fields.integer("format_version", 1, kMaxVersion));
    if (version > QuantizationConfig::kVersion) {
        return errorf(ErrorKind::kUnsupported, "{}: format_version {} is newer than this build, which reads {}", kWhere,
                      version, QuantizationConfig::kVersion)
            .with_hint("a newer dwubit wrote the directory");
    }
    QuantizationConfig result;
    DWUBIT_TRY(read_modules(fields, result));
    DWUBIT_TRY(read_fused(fields, result));
    DWUBIT_TRY(read_unquantized(fields, result));
    return std::optional<QuantizationConfig>(std::move(result));
}

}  // namespace dwubit
