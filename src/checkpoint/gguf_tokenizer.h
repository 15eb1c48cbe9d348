// The tokenizer of a GGUF file in Hugging Face's terms: tokenizer.json, and what stands beside it.
//
// SentencePiece vocabularies ("llama") become BPE with byte fallback whose merges are every split of a piece into two,
// ranked by score: all splits of one score share a rank, so that of equal scores the leftmost pair merges first, as in
// SentencePiece and llama.cpp. `merge_ranks`, a member beside `merges`, says so; programs that do not know it take the
// merges in order, which differs only where scores are equal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/gguf.h"
#include "json/json.h"

namespace dwubit {

// tokenizer.json. Errors name the key: an unknown model or pre-tokenizer (by name), arrays of other lengths or types,
// tokens that are there twice, special ids outside the vocabulary.
Result<std::string> gguf_tokenizer_json(const GgufMetadata& metadata);

// tokenizer_config.json: bos_token, eos_token, unk_token, pad_token, add_bos_token, add_eos_token, chat_template.
// Without a vocabulary what names no token.
Result<Json> gguf_tokenizer_config(const GgufMetadata& metadata);

// The tokens that end a generation: eos, eot, eom and control tokens that are known to.
Result<std::vector<std::int64_t>> gguf_end_ids(const GgufMetadata& metadata);

}  // namespace dwubit
