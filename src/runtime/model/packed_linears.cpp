// Which linears of a model are packed: quantization_config against the model's own list of linears.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "runtime/model/families.h"

namespace dwubit {
namespace {

constexpr const char* kWhere = "config.json: quantization_config";

Result<LinearTransform> resolve_transform(const TransformUse& use, std::int64_t n, const std::string& where) {
    LinearTransform transform;
    DWUBIT_ASSIGN(transform.transform, find_transform(use.transform).context(where));
    DWUBIT_ASSIGN(transform.params, transform.transform->check_params(use.params, n)
                                        .context(fmt::format("{}, transform {}", where, use.transform)));
    return transform;
}

Result<LinearFormat> resolve(const ModuleQuantization& module, const LinearShape& linear) {
    const std::string where = fmt::format("{}: module '{}'", kWhere, linear.module);
    LinearFormat packed;
    DWUBIT_ASSIGN(packed.format, find_format(module.format, module.format_version).context(where));
    DWUBIT_ASSIGN(packed.params, packed.format->check_params(module.params, {linear.out, linear.in})
                                     .context(fmt::format("{}, format {}", where, module.format)));
    DWUBIT_ASSIGN(packed.in, resolve_transform(module.in, linear.in, where + " in"));
    DWUBIT_ASSIGN(packed.out, resolve_transform(module.out, linear.out, where + " out"));
    return packed;
}

// The linears of a layer that may be parts of one, by their input: q k v, or gate up. -1: none.
int fusible_site(const LayerTensorNames& names, const std::string& module) {
    if (module == names.q || module == names.k || module == names.v) return 0;
    return module == names.gate || module == names.up ? 1 : -1;
}

// "a.b.qkv_proj" and "q_proj" -> "a.b.q_proj"
std::string sibling(const std::string& module, const std::string& leaf) {
    return module.substr(0, module.rfind('.') + 1) + leaf;
}

// Parts of one fused module, in a layer that has them all.
Result<void> check_parts(const ModelConfig& model, const std::string& module, const std::vector<std::string>& parts) {
    const auto refuse = [&](const std::string& part, const char* why) {
        return errorf(ErrorKind::kInvalidInput, "{}: fused '{}': '{}' {}", kWhere, printable(module), printable(part),
                      why);
    };
    const auto layer = layer_of(model, module);
    if (!layer) {
        return errorf(ErrorKind::kInvalidInput, "{}: fused '{}' is in no layer of this model", kWhere,
                      printable(module));
    }
    const LayerTensorNames names = layer_tensor_names(model, *layer);
    for (const LinearShape& linear : model_linears(model, *layer)) {
        if (linear.module == module) return refuse(module, "is a linear of the model itself");
    }
    std::set<std::string_view> seen;
    for (const std::string& part : parts) {
        const int site = fusible_site(names, part);
        if (site < 0) return refuse(part, "is none of q, k, v, gate, up beside it");
        if (site != fusible_site(names, parts.front())) return refuse(part, "has another input than the first part");
        if (!seen.insert(part).second) return refuse(part, "is there twice");
        for (const auto& [other, others] : model.fused) {
            if (std::find(others.begin(), others.end(), part) != others.end())
                return refuse(part, "is a part of two modules");
        }
    }
    return {};
}

Result<void> resolve_fused(const QuantizationConfig& quantization, ModelConfig& model) {
    for (const auto& [module, leaves] : quantization.fused) {
        std::vector<std::string> parts;
        for (const std::string& leaf : leaves) parts.push_back(sibling(module, leaf));
        DWUBIT_TRY(check_parts(model, module, parts));
        model.fused.emplace(module, std::move(parts));
    }
    return {};
}

}  // namespace

Result<void> resolve_formats(const QuantizationConfig& quantization, ModelConfig& model) {
    DWUBIT_TRY(resolve_fused(quantization, model));
    // A model has many linears and a config at most a few patterns: exact names are looked up, patterns are tried.
    QuantizationConfig patterns;
    patterns.unquantized = quantization.unquantized;
    std::set<std::string_view> unused;
    for (const auto& [name, module] : quantization.modules) {
        if (name.find('*') == std::string::npos) {
            unused.insert(name);
        } else {
            patterns.modules.emplace(name, module);
        }
    }
    for (const LinearShape& linear : all_linears(model)) {
        const auto exact = quantization.modules.find(linear.module);
        const bool named = exact != quantization.modules.end();
        const ModuleQuantization* module = named ? &exact->second : patterns.find(linear.module);
        if (module == nullptr && !linear.parts.empty()) {
            return errorf(ErrorKind::kInvalidInput, "{}: 'fused' names '{}', which 'modules' does not", kWhere,
                          printable(linear.module));
        }
        if (module == nullptr) continue;
        unused.erase(linear.module);
        DWUBIT_ASSIGN(model.packed[linear.module], resolve(*module, linear));
    }
    if (unused.empty()) return {};
    return errorf(ErrorKind::kInvalidInput, "{}: 'modules' names '{}', which is no linear of this model", kWhere,
                  printable(*unused.begin()));
}

}  // namespace dwubit
