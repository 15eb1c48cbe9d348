#include <algorithm>
#include <array>

#include "base/check.h"
#include "checkpoint/gguf_tokenizer.h"
#include "convert/gguf_parts.h"
#include "runtime/model/gguf_names.h"
#include "runtime/ops/rope/rope.h"

namespace dwubit {
namespace {

// Keys of general.* that are about the file and not about the model.
bool describes_file(std::string_view key) {
    constexpr std::array<std::string_view, 5> kKeys = {"general.architecture", "general.file_type", "general.alignment",
                                                       "general.quantization_version", "general.type"};
    return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

std::string model_name(const HfDir& model) {
    const auto named = model.config.find("_name_or_path");
    if (named != model.config.end() && named->is_string() && !named->get<std::string>().empty()) {
        const auto text = named->get<std::string>();
        return text.substr(text.find_last_of('/') + 1);
    }
    std::error_code code;
    const auto place = std::filesystem::canonical(model.path, code);
    return (code ? model.path : place).filename().string();
}

}  // namespace

const GgufArchitecture& gguf_architecture_of(const ModelConfig& config) {
    // Mistral is llama to llama.cpp.
    const GgufArchitecture* const found = find_gguf_architecture(config.family == "mistral" ? "llama" : config.family);
    DWUBIT_CHECK(found != nullptr);
    return *found;
}

void add_model_fields(const HfDir& model, const ModelConfig& config, GgufFields& fields) {
    const std::string id(gguf_architecture_of(config).id);
    const auto number = [&](const char* name, std::int64_t value) {
        fields.add(id + "." + name, static_cast<std::uint32_t>(value));
    };
    fields.add("general.architecture", id);
    fields.add("general.type", "model");
    if (model.is_gguf()) {
        for (const auto& [key, value] : model.gguf->values()) {
            if (key.starts_with("general.") && !describes_file(key)) fields.add(key, value);
        }
    } else {
        fields.add("general.name", model_name(model));
    }
    number("block_count", config.layers);
    number("context_length", config.max_positions);
    number("embedding_length", config.hidden);
    number("feed_forward_length", config.intermediate);
    number("attention.head_count", config.heads);
    number("attention.head_count_kv", config.kv_heads);
    number("attention.key_length", config.head_dim);
    number("attention.value_length", config.head_dim);
    fields.add(id + ".attention.layer_norm_rms_epsilon", static_cast<float>(config.rms_norm_eps));
    if (config.full_attention_limit) number("attention.sliding_window", *config.full_attention_limit);
    fields.add(id + ".rope.freq_base", static_cast<float>(config.rope.theta));
    number("rope.dimension_count", config.head_dim);
    if (config.rope.scaling == RopeScaling::kLinear) {
        fields.add(id + ".rope.scaling.type", "linear");
        fields.add(id + ".rope.scaling.factor", static_cast<float>(config.rope.factor));
    }
    if (config.rope.scaling == RopeScaling::kLlama3) {
        const std::array<float, 4> rule = {
            static_cast<float>(config.rope.factor), static_cast<float>(config.rope.low_freq_factor),
            static_cast<float>(config.rope.high_freq_factor), static_cast<float>(config.rope.original_context)};
        fields.add(kRopeRule, std::span<const float>(rule));
    }
    number("vocab_size", config.vocab);
}

std::vector<float> gguf_rope_factors(const ModelConfig& config) {
    if (config.rope.scaling != RopeScaling::kLlama3) return {};
    const std::vector<float> scaled = rope_inverse_frequencies(config.rope, config.head_dim);
    RopeConfig plain = config.rope;
    plain.scaling = RopeScaling::kNone;
    std::vector<float> factors = rope_inverse_frequencies(plain, config.head_dim);
    for (std::size_t i = 0; i < factors.size(); ++i) factors[i] /= scaled[i];
    return factors;
}

}  // namespace dwubit
