#include "convert/folder_writer.h"

#include "base/atomic_file.h"
#include "checkpoint/model_folder.h"

namespace dwubit {

Result<void> FolderWriter::write(std::vector<TensorToWrite> tensors) {
    aligned_sizes_first(tensors);
    const std::string name = shard_name(++written_, shards_);
    DWUBIT_ASSIGN(const WrittenFile file, write_safetensors(folder_ / name, tensors, {{"format", "pt"}}));
    for (const TensorToWrite& tensor : tensors) {
        weight_map_.emplace(tensor.name, name);
        tensor_bytes_ += tensor.bytes.size();
    }
    for (const std::string& padding : file.padding) weight_map_.emplace(padding, name);
    return {};
}

Result<void> FolderWriter::finish(const std::string& config, const HfDir& from) const {
    DWUBIT_TRY(write_shard_index(folder_, weight_map_, tensor_bytes_));
    DWUBIT_TRY(write_file_atomically(folder_ / "config.json", config));
    DWUBIT_TRY(copy_side_files(from, folder_));
    return {};
}

}  // namespace dwubit
