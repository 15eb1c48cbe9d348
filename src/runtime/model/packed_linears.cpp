// Which linears of a model are packed: quantization_config against the model's own list of linears.
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "runtime/model/families.h"

namespace dwubit {
namespace {

constexpr const char* kWhere = "config.json: quantization_config";

Result<void> refuse_transform(const TransformUse& use, const std::string& where) {
    if (use.transform == "none") return {};
    return errorf(ErrorKind::kUnsupported, "{}: transform '{}' is not known", where, printable(use.transform))
        .with_hint("this build knows: none");
}

Result<LinearFormat> resolve(const ModuleQuantization& module, const LinearShape& linear) {
    const std::string where = fmt::format("{}: module '{}'", kWhere, linear.module);
    DWUBIT_TRY(refuse_transform(module.in, where));
    DWUBIT_TRY(refuse_transform(module.out, where));
    LinearFormat packed;
    DWUBIT_ASSIGN(packed.format, find_format(module.format, module.format_version).context(where));
    DWUBIT_ASSIGN(packed.params, packed.format->check_params(module.params, {linear.out, linear.in})
                                     .context(fmt::format("{}, format {}", where, module.format)));
    return packed;
}

}  // namespace

Result<void> resolve_formats(const QuantizationConfig& quantization, ModelConfig& model) {
    if (!quantization.fused.empty()) {
        return errorf(ErrorKind::kUnsupported, "{}: 'fused' modules are not supported, such as '{}'", kWhere,
                      printable(quantization.fused.begin()->first));
    }
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
        if (module == nullptr) continue;
        unused.erase(linear.module);
        DWUBIT_ASSIGN(model.packed[linear.module], resolve(*module, linear));
    }
    if (unused.empty()) return {};
    return errorf(ErrorKind::kInvalidInput, "{}: 'modules' names '{}', which is no linear of this model", kWhere,
                  printable(*unused.begin()));
}

}  // namespace dwubit
