#include "runtime/model/gguf_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "checkpoint/gguf_tokenizer.h"
#include "checkpoint/stored_tensor.h"
#include "ggml/block_type.h"
#include "runtime/model/config.h"
#include "runtime/model/families.h"
#include "runtime/model/gguf_names.h"
#include "runtime/ops/rope/rope.h"

namespace dwubit {
namespace {

constexpr std::array<GgufArchitecture, 3> kArchitectures = {{{"llama", "llama", "LlamaForCausalLM", true},
                                                             {"qwen2", "qwen2", "Qwen2ForCausalLM", false},
                                                             {"qwen3", "qwen3", "Qwen3ForCausalLM", false}}};

// The double that is written as the float is: 1e-05 and not 9.999999747378752e-06.
double as_written(double value) {
    return std::strtod(fmt::format("{}", static_cast<float>(value)).c_str(), nullptr);
}

// The metadata of a model, read under the names of its architecture.
class Translator {
public:
    Translator(GgufFile& file, const GgufArchitecture& architecture)
        : metadata_(file.metadata), tensors_(file.tensors), architecture_(architecture) {}

    Result<Json> config() {
        DWUBIT_TRY(read_sizes());
        DWUBIT_TRY(read_heads());
        DWUBIT_TRY(read_vocabulary());
        DWUBIT_TRY(read_rope());
        DWUBIT_TRY(read_window());
        config_["hidden_act"] = "silu";
        config_["torch_dtype"] = "float32";
        if (architecture_.family != "qwen2") config_["attention_bias"] = has("blk.0.attn_q.bias");
        if (architecture_.family == "llama") config_["mlp_bias"] = has("blk.0.ffn_up.bias");
        return config_;
    }

    // Under the names and in the order of rows of the Hugging Face layout.
    Result<TensorTable> tensors() {
        TensorTable table;
        std::size_t unknown = 0;
        std::string first;
        for (const auto& [name, stored] : tensors_.tensors()) {
            if (name == kRopeFactors) continue;  // in the config
            const auto translated = hf_tensor_name(name);
            if (!translated) {
                if (unknown++ == 0) first = name;
                continue;
            }
            TensorView tensor = stored;
            tensor.name = *translated;
            if (architecture_.reorders_heads) DWUBIT_TRY(reorder(name, tensor));
            DWUBIT_TRY(table.add(std::move(tensor)));
        }
        if (unknown > 0) {
            log_warning(fmt::format("{} has {} tensor{} that a {} model does not use, such as '{}'; ignored",
                                    metadata_.file(), unknown, unknown == 1 ? "" : "s", architecture_.id,
                                    printable(first)));
        }
        return table;
    }

private:
    std::string key(std::string_view name) const { return fmt::format("{}.{}", architecture_.id, name); }
    bool has(std::string_view tensor) const { return tensors_.find(tensor) != nullptr; }

    // A number, or one per layer, which must be the same then.
    Result<std::int64_t> uniform(std::string_view name, std::int64_t max,
                                 std::optional<std::int64_t> fallback = std::nullopt) const {
        const std::string full = key(name);
        const GgufValue* const value = metadata_.find(full);
        if (value == nullptr || value->type != GgufType::kArray) return metadata_.integer(full, 1, max, fallback);
        DWUBIT_ASSIGN(const auto values, metadata_.integers(full));
        if (values.empty() || values[0] < 1 || values[0] > max) {
            return metadata_.invalid(full, fmt::format("an integer from 1 to {}", max));
        }
        if (std::any_of(values.begin(), values.end(), [&](std::int64_t v) { return v != values[0]; })) {
            return errorf(ErrorKind::kUnsupported, "{}: metadata '{}' differs between layers, which is not supported",
                          metadata_.file(), full);
        }
        return values[0];
    }

    Result<void> read_sizes() {
        DWUBIT_ASSIGN(const std::int64_t experts, metadata_.integer(key("expert_count"), 0, INT32_MAX, 0));
        if (experts > 0) {
            return errorf(ErrorKind::kUnsupported, "{}: a model with {} experts is not supported", metadata_.file(),
                          experts);
        }
        DWUBIT_ASSIGN(hidden_, metadata_.integer(key("embedding_length"), 1, kMaxModelSize));
        DWUBIT_ASSIGN(const std::int64_t layers, metadata_.integer(key("block_count"), 1, kMaxLayers));
        DWUBIT_ASSIGN(const std::int64_t intermediate, uniform("feed_forward_length", kMaxModelSize));
        DWUBIT_ASSIGN(context_, metadata_.integer(key("context_length"), 1, kMaxPositions));
        DWUBIT_ASSIGN(const double epsilon, metadata_.number(key("attention.layer_norm_rms_epsilon"), 1e-12, 0.1));
        config_["architectures"] = Json::array({architecture_.hf});
        config_["model_type"] = architecture_.family;
        config_["hidden_size"] = hidden_;
        config_["num_hidden_layers"] = layers;
        config_["intermediate_size"] = intermediate;
        config_["max_position_embeddings"] = context_;
        config_["rms_norm_eps"] = as_written(epsilon);
        return {};
    }

    Result<void> read_heads() {
        DWUBIT_ASSIGN(heads_, uniform("attention.head_count", kMaxHeads));
        DWUBIT_ASSIGN(kv_heads_, uniform("attention.head_count_kv", kMaxHeads, heads_));
        if (heads_ % kv_heads_ != 0) {
            return metadata_.invalid(key("attention.head_count_kv"), fmt::format("a divisor of head_count {}", heads_));
        }
        std::optional<std::int64_t> whole;
        if (hidden_ % heads_ == 0) whole = hidden_ / heads_;
        DWUBIT_ASSIGN(head_dim_, metadata_.integer(key("attention.key_length"), 2, kMaxHeadDim, whole));
        DWUBIT_ASSIGN(const auto values, metadata_.integer(key("attention.value_length"), 2, kMaxHeadDim, head_dim_));
        DWUBIT_ASSIGN(const auto rotated, metadata_.integer(key("rope.dimension_count"), 0, INT32_MAX, head_dim_));
        if (head_dim_ % 2 != 0 || head_dim_ > kMaxHeadDim || heads_ * head_dim_ > kMaxModelSize) {
            return errorf(ErrorKind::kInvalidInput,
                          "{}: {} heads of {} elements; RoPE needs an even number, and {} in all", metadata_.file(),
                          heads_, head_dim_, kMaxModelSize);
        }
        if (values != head_dim_ || rotated != head_dim_) {
            return errorf(ErrorKind::kUnsupported,
                          "{}: heads of {} elements with values of {} and RoPE over {} are not supported",
                          metadata_.file(), head_dim_, values, rotated);
        }
        config_["num_attention_heads"] = heads_;
        config_["num_key_value_heads"] = kv_heads_;
        config_["head_dim"] = head_dim_;
        return {};
    }

    Result<void> read_vocabulary() {
        const TensorView* const embedding = tensors_.find("token_embd.weight");
        if (embedding == nullptr || embedding->shape.size() != 2) {
            return errorf(ErrorKind::kInvalidInput, "{}: the matrix 'token_embd.weight' is missing", metadata_.file());
        }
        const std::int64_t vocab = embedding->shape[0];
        DWUBIT_ASSIGN(const auto stated, metadata_.integer(key("vocab_size"), 1, INT32_MAX, vocab));
        if (stated != vocab || vocab > kMaxVocab) {
            return errorf(ErrorKind::kInvalidInput,
                          "{}: metadata '{}' is {}, but 'token_embd.weight' has {} rows; at most {} are allowed",
                          metadata_.file(), key("vocab_size"), stated, vocab, kMaxVocab);
        }
        config_["vocab_size"] = vocab;
        config_["tie_word_embeddings"] = !has("output.weight");
        return {};
    }

    Result<void> read_rope() {
        constexpr double kMaxTheta = 1e15;
        constexpr double kMaxFactor = 1e6;
        DWUBIT_ASSIGN(const double theta, metadata_.number(key("rope.freq_base"), 1, kMaxTheta, 10000.0));
        config_["rope_theta"] = as_written(theta);
        DWUBIT_ASSIGN(const std::string type, metadata_.string(key("rope.scaling.type"), "none"));
        if (tensors_.find(kRopeFactors) != nullptr) return read_rope_factors(as_written(theta), type);
        DWUBIT_ASSIGN(const double older, metadata_.number(key("rope.scale_linear"), 1, kMaxFactor, 1.0));
        DWUBIT_ASSIGN(const double factor, metadata_.number(key("rope.scaling.factor"), 0, kMaxFactor, older));
        if (type == "none" && older == 1.0) return {};
        if (type != "none" && type != "linear") {
            return errorf(ErrorKind::kUnsupported, "{}: metadata '{}' '{}' is not supported", metadata_.file(),
                          key("rope.scaling.type"), printable(type))
                .with_hint("supported: none, linear, and Llama 3's, which is a tensor rope_freqs.weight");
        }
        if (factor < 1) return metadata_.invalid(key("rope.scaling.factor"), "a number of at least 1");
        config_["rope_scaling"] = {{"rope_type", "linear"}, {"factor", as_written(factor)}};
        return {};
    }

    // Llama 3's scaling is written as the factor of each frequency. It is read as the rule that made them: no other is
    // known.
    Result<void> read_rope_factors(double theta, const std::string& type) {
        const TensorView& tensor = *tensors_.find(kRopeFactors);
        if (tensor.shape != Shape{head_dim_ / 2} || value_dtype(tensor) != DType::kF32 ||
            (type != "none" && type != "linear")) {
            return errorf(ErrorKind::kUnsupported, "{}: tensor '{}' must be F32 of shape [{}], without other scaling",
                          metadata_.file(), kRopeFactors, head_dim_ / 2);
        }
        std::vector<float> factors(static_cast<std::size_t>(head_dim_ / 2));
        DWUBIT_TRY(read_as_f32(tensor, factors));
        DWUBIT_TRY(check_finite(tensor));
        RopeConfig rope{.theta = theta};
        const std::vector<float> plain = rope_inverse_frequencies(rope, head_dim_);
        rope.scaling = RopeScaling::kLlama3;
        DWUBIT_ASSIGN(const std::vector<RopeConfig> rules, rope_rules(rope, factors));
        for (const RopeConfig& rule : rules) {
            if (!rope_has_factors(rule, plain, factors)) continue;
            rope = rule;
            config_["rope_scaling"] = {{"rope_type", "llama3"},
                                       {"factor", rope.factor},
                                       {"low_freq_factor", rope.low_freq_factor},
                                       {"high_freq_factor", rope.high_freq_factor},
                                       {"original_max_position_embeddings", rope.original_context}};
            return {};
        }
        return errorf(ErrorKind::kUnsupported, "{}: the factors of tensor '{}' are not those of Llama 3's RoPE scaling",
                      metadata_.file(), kRopeFactors);
    }

    // What may have made the factors: the rule that the file names, or those of the published models.
    Result<std::vector<RopeConfig>> rope_rules(RopeConfig rope, const std::vector<float>& factors) const {
        std::vector<RopeConfig> rules;
        if (metadata_.has(kRopeRule)) {
            DWUBIT_ASSIGN(const auto rule, metadata_.numbers(kRopeRule, 4));
            if (std::any_of(rule.begin(), rule.end(), [](double v) { return v < 1e-3 || v > 1e9; }) ||
                rule[2] <= rule[1]) {
                return metadata_.invalid(kRopeRule, "factor, low, high > low, context, all positive");
            }
            rope.factor = as_written(rule[0]);
            rope.low_freq_factor = as_written(rule[1]);
            rope.high_freq_factor = as_written(rule[2]);
            rope.original_context = static_cast<std::int64_t>(rule[3]);
            rules.push_back(rope);
            return rules;
        }
        rope.factor = as_written(*std::max_element(factors.begin(), factors.end()));
        for (const std::int64_t original : {8192, 4096, 16384, 32768, 2048}) {
            rope.original_context = original;
            rules.push_back(rope);
        }
        return rules;
    }

    bool rope_has_factors(const RopeConfig& rope, const std::vector<float>& plain,
                          const std::vector<float>& factors) const {
        const std::vector<float> scaled = rope_inverse_frequencies(rope, head_dim_);
        for (std::size_t i = 0; i < factors.size(); ++i) {
            if (!(std::abs(scaled[i] * factors[i] / plain[i] - 1.0f) < 1e-4f)) return false;
        }
        return true;
    }

    Result<void> read_window() {
        DWUBIT_ASSIGN(const auto window, metadata_.integer(key("attention.sliding_window"), 0, UINT32_MAX, 0));
        if (window == 0 || window >= context_) return {};
        config_["sliding_window"] = window;
        if (architecture_.family == "llama") {
            config_["architectures"] = Json::array({"MistralForCausalLM"});
            config_["model_type"] = "mistral";
        } else {
            config_["use_sliding_window"] = true;
            config_["max_window_layers"] = 0;
        }
        return {};
    }

    // Says that the rows of q and k lie in GGUF's order.
    Result<void> reorder(const std::string& name, TensorView& tensor) const {
        const bool q = name.find(".attn_q.") != std::string::npos;
        const bool k = name.find(".attn_k.") != std::string::npos;
        if (!q && !k) return {};
        const std::int64_t heads = q ? heads_ : kv_heads_;
        if (tensor.shape[0] != heads * head_dim_) return {};  // check_tensors() says what is wrong
        if (tensor.dtype != DType::kBlocks) {
            tensor.blocks = find_block_type(dtype_name(tensor.dtype));
            if (tensor.blocks == nullptr) return {};  // integers: the same
            tensor.dtype = DType::kBlocks;
        } else if (tensor.shape.size() == 1) {
            return errorf(ErrorKind::kUnsupported, "{}: bias '{}' is {}; F32, F16 or BF16 can be read",
                          metadata_.file(), name, tensor.blocks->name);
        }
        tensor.heads = heads;
        return {};
    }

    const GgufMetadata& metadata_;
    const TensorTable& tensors_;
    const GgufArchitecture& architecture_;
    Json config_ = Json::object();
    std::int64_t hidden_ = 0;
    std::int64_t context_ = 0;
    std::int64_t heads_ = 0;
    std::int64_t kv_heads_ = 0;
    std::int64_t head_dim_ = 0;
};

Result<const GgufArchitecture*> architecture_of(const GgufMetadata& metadata) {
    DWUBIT_ASSIGN(const std::string id, metadata.string("general.architecture"));
    if (const GgufArchitecture* found = find_gguf_architecture(id)) return found;
    std::string known;
    for (const GgufArchitecture& row : kArchitectures) known += (known.empty() ? "" : ", ") + std::string(row.id);
    return errorf(ErrorKind::kUnsupported, "{}: architecture '{}' is not supported", metadata.file(), printable(id))
        .with_hint("supported: " + known);
}

Result<Json> generation_config(const GgufMetadata& metadata, const Json& config) {
    Json generation = Json::object();
    DWUBIT_ASSIGN(const std::vector<std::int64_t> ends, gguf_end_ids(metadata));
    for (const std::int64_t id : ends) {
        if (id < config.at("vocab_size").get<std::int64_t>()) continue;
        return errorf(ErrorKind::kInvalidInput, "{}: end token {} has no row in 'token_embd.weight'", metadata.file(),
                      id);
    }
    if (!ends.empty()) generation["eos_token_id"] = ends;
    return generation;
}

}  // namespace

const GgufArchitecture* find_gguf_architecture(std::string_view id) {
    const auto found = std::find_if(kArchitectures.begin(), kArchitectures.end(),
                                    [&](const GgufArchitecture& row) { return row.id == id; });
    return found == kArchitectures.end() ? nullptr : &*found;
}

Result<HfDir> translate_gguf(GgufFile file, const std::filesystem::path& path) {
    DWUBIT_ASSIGN(const GgufArchitecture* architecture, architecture_of(file.metadata));
    Translator translator(file, *architecture);
    HfDir model;
    model.path = path;
    model.tokenizer_json = path;
    DWUBIT_ASSIGN(model.config, translator.config());
    DWUBIT_ASSIGN(model.generation_config, generation_config(file.metadata, model.config));
    DWUBIT_ASSIGN(model.tokenizer_config, gguf_tokenizer_config(file.metadata));
    DWUBIT_ASSIGN(model.tensors, translator.tensors());
    // The views point into what the file's own table keeps.
    TensorTable kept = std::move(file.tensors);
    model.tensors.keep_alive(std::make_shared<const TensorTable>(std::move(kept)));
    model.gguf = std::move(file.metadata);
    return model;
}

Result<HfDir> open_gguf_model(const std::filesystem::path& path) {
    DWUBIT_ASSIGN(GgufFile file, read_gguf(path));
    return translate_gguf(std::move(file), path);
}

}  // namespace dwubit
