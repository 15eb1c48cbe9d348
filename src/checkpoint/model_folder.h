// What a model folder has beside its weights, for whoever writes one: the shard index, tokenizer files, fingerprints.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/hf_dir.h"

namespace dwubit {

// "model-00002-of-00008.safetensors"; first is 1.
std::string shard_name(std::int64_t number, std::int64_t count);

// model.safetensors.index.json: {"metadata": {"total_size": ...}, "weight_map": {tensor: file}}.
Result<void> write_shard_index(const std::filesystem::path& folder,
                               const std::map<std::string, std::string>& weight_map, std::uint64_t total_size);

// Writes to `to` what belongs to the model and is not weights, config.json or README: tokenizer*.json, tokenizer.model,
// special_tokens_map.json, added_tokens.json, vocab.json, merges.txt, generation_config.json, chat_template.*,
// LICENSE*. Returns the names, sorted. Symbolic links are followed, and copied as files. Of a GGUF file it is what its
// metadata say: tokenizer.json, tokenizer_config.json, generation_config.json.
Result<std::vector<std::string>> copy_side_files(const HfDir& from, const std::filesystem::path& to);

// SHA-256 that names a model whatever its shards: over config.json's value (canonical JSON) and, in name order, name,
// dtype, shape and SHA-256 of the bytes of every tensor. Tensors are hashed in parallel.
Result<std::string> model_sha256(const HfDir& directory, ThreadPool& pool);

}  // namespace dwubit
