// Metadata of an exported GGUF file: what config.json and the tokenizer's files say, in GGUF's keys.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/gguf_writer.h"
#include "checkpoint/hf_dir.h"
#include "runtime/model/config.h"
#include "runtime/model/gguf_model.h"

namespace dwubit {

// The architecture that stands for the model's family.
const GgufArchitecture& gguf_architecture_of(const ModelConfig& config);

// general.* but file_type, and the architecture's own keys. RoPE's scaling of Llama 3 is a tensor instead:
// gguf_rope_factors().
void add_model_fields(const HfDir& model, const ModelConfig& config, GgufFields& fields);

// Factor of each of RoPE's frequencies; empty where there is no such scaling.
std::vector<float> gguf_rope_factors(const ModelConfig& config);

// tokenizer.*. Of a GGUF file as it has them; else from tokenizer.json and what is beside it. Unsupported where GGUF
// has no words for the tokenizer. `warnings` gets what llama.cpp may tokenize differently.
Result<void> add_tokenizer_fields(const HfDir& model, const ModelConfig& config, GgufFields& fields,
                                  std::vector<std::string>& warnings);

}  // namespace dwubit
