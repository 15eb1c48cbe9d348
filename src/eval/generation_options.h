// generation_kwargs of a task as sampling options, with lm-evaluation-harness' names and defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "json/json.h"
#include "runtime/engine/sampler.h"

namespace dwubit {

struct TextGeneration {
    std::vector<std::string> until;  // none is empty
    std::int64_t max_tokens = 256;
    SamplerOptions sampler;
};

// Keys: until (a text or a list of texts); max_gen_toks or max_new_tokens, max_tokens, max_completion_tokens, the first
// of them that is there; do_sample (by default: whether there is a temperature above 0), temperature, top_k (50 where
// sampling), top_p, min_p, repetition_penalty (of all tokens so far). null is as if absent. Errors name the key:
// another one, a value that makes no sense, do_sample without a temperature.
Result<TextGeneration> text_generation(const OrderedJson& generation);

// `text` up to the first occurrence of each string, one string after the other.
std::string cut_at(std::string text, const std::vector<std::string>& until);

}  // namespace dwubit
