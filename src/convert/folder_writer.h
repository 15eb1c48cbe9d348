// A model folder shard by shard: what exports have in common.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/hf_dir.h"
#include "checkpoint/safetensors_writer.h"

namespace dwubit {

class FolderWriter {
public:
    FolderWriter(std::filesystem::path folder, std::int64_t shards) : folder_(std::move(folder)), shards_(shards) {}

    // The next shard.
    Result<void> write(std::vector<TensorToWrite> tensors);
    // After the last one: the index, config.json, and the files beside the weights of the model `from`.
    Result<void> finish(const std::string& config, const HfDir& from) const;

private:
    std::filesystem::path folder_;
    std::int64_t shards_;
    std::int64_t written_ = 0;
    std::map<std::string, std::string> weight_map_;  // tensor -> file
    std::uint64_t tensor_bytes_ = 0;
};

}  // namespace dwubit
