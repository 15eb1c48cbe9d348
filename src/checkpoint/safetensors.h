// Reader of the safetensors format: 8 bytes little-endian header length, a JSON header, tensor data.
//
// Everything is validated before use: header length against the file and a cap of 100 MB, JSON without duplicate keys,
// every extent inside the data without overlap or hole, dtype x shape = bytes without overflow. Rank 0 and zero-sized
// tensors are legal; what a writer put between tensors to align them (kPaddingPrefix) is left out. Untrusted files give
// an Error, never a crash.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "checkpoint/tensor_table.h"

namespace dwubit {

struct SafetensorsHeader {
    std::map<std::string, std::string> metadata;  // "__metadata__", strings only
};

// Maps one file and adds its tensors to `table`.
Result<SafetensorsHeader> read_safetensors(const std::filesystem::path& path, TensorTable& table);

// The header of a file already in memory: `file` is the whole of it; the views in `table` point into it. After an error
// `table` may hold some of its tensors.
Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file, const std::string& file_name,
                                            TensorTable& table);

// A sharded checkpoint: `index` is model.safetensors.index.json. weight_map values must be plain base names of regular
// files inside the index's folder, also after resolving symbolic links (into the model's blobs for a snapshot of the
// Hugging Face cache); each tensor lies in exactly the shard named.
Result<TensorTable> read_sharded_safetensors(const std::filesystem::path& index);

}  // namespace dwubit
