// config.json to ModelConfig: picks the family, refuses what no family can run, reads token ids.
#include "runtime/model/config.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/quantization_config.h"
#include "runtime/model/families.h"

namespace dwubit {
namespace {

std::string supported_architectures() {
    std::string list = "supported: ";
    for (const Family& family : families()) {
        if (&family != families().data()) list += ", ";
        list += family.architecture;
    }
    return list;
}

// The first entry of "architectures", or the class that model_type stands for where there is none.
Result<const Family*> find_family(const Fields& fields) {
    DWUBIT_ASSIGN(const std::string model_type, fields.string("model_type", ""));
    std::string architecture;
    if (fields.has("architectures")) {
        DWUBIT_ASSIGN(const Json* names, fields.array("architectures"));
        if (names->size() != 1 || !names->front().is_string()) {
            return fields.invalid("architectures", "an array of one name");
        }
        architecture = names->front().get<std::string>();
    }
    for (const Family& family : families()) {
        if (architecture.empty() ? family.id != model_type : family.architecture != architecture) continue;
        if (model_type.empty() || family.id == model_type) return &family;
        return errorf(ErrorKind::kUnsupported,
                      "config.json: 'architectures' says {}, but 'model_type' is '{}' instead of '{}'", architecture,
                      printable(model_type), family.id);
    }
    if (architecture.empty() && model_type.empty()) {
        return errorf(ErrorKind::kInvalidInput, "config.json: 'architectures' and 'model_type' are missing")
            .with_hint(supported_architectures());
    }
    return errorf(ErrorKind::kUnsupported, "config.json: {} '{}' is not supported",
                  architecture.empty() ? "model_type" : "architecture",
                  printable(architecture.empty() ? model_type : architecture))
        .with_hint(supported_architectures());
}

// One id, an array of ids, or nothing.
Result<std::vector<std::int32_t>> read_ids(const Fields& fields, std::string_view key, std::int64_t vocab) {
    std::vector<std::int32_t> ids;
    const Json* value = fields.find(key);
    if (value == nullptr) return ids;
    const Json list = value->is_array() ? *value : Json::array({*value});
    for (const Json& id : list) {
        // A negative integer wraps to a huge one.
        if (!id.is_number_integer() || id.get<std::uint64_t>() >= static_cast<std::uint64_t>(vocab)) {
            return fields.invalid(key, fmt::format("a token id, or an array of them, from 0 to {}", vocab - 1));
        }
        const auto number = id.get<std::int32_t>();
        if (std::find(ids.begin(), ids.end(), number) == ids.end()) ids.push_back(number);
    }
    return ids;
}

Result<void> read_token_ids(const Fields& config, const Fields& generation, ModelConfig& model) {
    DWUBIT_ASSIGN(model.eos_ids, read_ids(generation, "eos_token_id", model.vocab));
    if (model.eos_ids.empty()) {
        DWUBIT_ASSIGN(model.eos_ids, read_ids(config, "eos_token_id", model.vocab));
    }
    const Fields& holder = config.has("bos_token_id") ? config : generation;
    if (!holder.has("bos_token_id")) return {};
    DWUBIT_ASSIGN(const std::int64_t bos, holder.integer("bos_token_id", 0, model.vocab - 1));
    model.bos_id = static_cast<std::int32_t>(bos);
    return {};
}

}  // namespace

Result<ModelConfig> read_model_config(const Json& config, const Json* generation_config) {
    static const Json kEmpty = Json::object();
    const Fields fields(config, "config.json");
    if (!config.is_object()) {
        return errorf(ErrorKind::kInvalidInput, "config.json: expected an object, got {}", config.type_name());
    }
    DWUBIT_ASSIGN(const Family* family, find_family(fields));
    DWUBIT_ASSIGN(const std::optional<QuantizationConfig> quantization, read_quantization_config(config));
    DWUBIT_ASSIGN(ModelConfig model, family->translate(config));
    model.family = family->id;
    model.architecture = family->architecture;
    const Fields generation(generation_config != nullptr ? *generation_config : kEmpty, "generation_config.json");
    DWUBIT_TRY(read_token_ids(fields, generation, model));
    if (quantization) DWUBIT_TRY(resolve_formats(*quantization, model));
    return model;
}

}  // namespace dwubit
