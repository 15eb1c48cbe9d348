// Names of tensors in GGUF files, beside those of the families' Hugging Face layout (config.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dwubit {

// "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj.weight"; nullopt: no tensor of these families.
std::optional<std::string> hf_tensor_name(std::string_view gguf_name);

// The other way.
std::optional<std::string> gguf_tensor_name(std::string_view hf_name);

// Factors of RoPE's frequencies, which Llama 3's scaling comes as.
inline constexpr std::string_view kRopeFactors = "rope_freqs.weight";

// dwubit's own key, an array of four f32: factor, low_freq_factor, high_freq_factor and original context that made
// them. Without it they are compared with the published models'.
inline constexpr std::string_view kRopeRule = "dwubit.rope.llama3";

}  // namespace dwubit
