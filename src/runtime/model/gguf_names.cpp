#include "runtime/model/gguf_names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dwubit {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;  // GGUF, Hugging Face

constexpr Pair kLayerPrefix = {"blk.", "model.layers."};

// Inside a layer.
constexpr std::array<Pair, 11> kLayerModules = {{{"attn_norm", "input_layernorm"},
                                                 {"attn_q", "self_attn.q_proj"},
                                                 {"attn_k", "self_attn.k_proj"},
                                                 {"attn_v", "self_attn.v_proj"},
                                                 {"attn_output", "self_attn.o_proj"},
                                                 {"attn_q_norm", "self_attn.q_norm"},
                                                 {"attn_k_norm", "self_attn.k_norm"},
                                                 {"ffn_norm", "post_attention_layernorm"},
                                                 {"ffn_gate", "mlp.gate_proj"},
                                                 {"ffn_up", "mlp.up_proj"},
                                                 {"ffn_down", "mlp.down_proj"}}};

constexpr std::array<Pair, 3> kGlobalModules = {
    {{"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}}};

template <std::size_t kCount>
std::optional<std::string_view> look_up(const std::array<Pair, kCount>& pairs, std::string_view module,
                                        std::string_view Pair::*from, std::string_view Pair::*to) {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const Pair& pair) { return pair.*from == module; });
    if (found == pairs.end()) return std::nullopt;
    return (*found).*to;
}

std::optional<std::string> translate(std::string_view name, std::string_view Pair::*from, std::string_view Pair::*to) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const std::string_view leaf = name.substr(dot);
    if (leaf != ".weight" && leaf != ".bias") return std::nullopt;
    std::string_view module = name.substr(0, dot);
    if (!module.starts_with(kLayerPrefix.*from)) {
        const auto global = look_up(kGlobalModules, module, from, to);
        if (!global) return std::nullopt;
        return std::string(*global) + std::string(leaf);
    }
    module.remove_prefix((kLayerPrefix.*from).size());
    const std::size_t end = module.find_first_not_of("0123456789");
    if (end == 0 || end == std::string_view::npos || module[end] != '.') return std::nullopt;
    if (end > 1 && module[0] == '0') return std::nullopt;  // "blk.03" would be a second name of "blk.3"
    const auto in_layer = look_up(kLayerModules, module.substr(end + 1), from, to);
    if (!in_layer) return std::nullopt;
    std::string translated(kLayerPrefix.*to);
    translated.append(module.substr(0, end)).append(".").append(*in_layer).append(leaf);
    return translated;
}

}  // namespace

std::optional<std::string> hf_tensor_name(std::string_view gguf_name) {
    return translate(gguf_name, &Pair::first, &Pair::second);
}

std::optional<std::string> gguf_tensor_name(std::string_view hf_name) {
    return translate(hf_name, &Pair::second, &Pair::first);
}

}  // namespace dwubit
