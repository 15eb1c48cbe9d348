// Sharded checkpoints: an index file names, for each tensor, the shard it lies in.
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_writer.h"
#include "json/json.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

using WeightMap = std::map<std::string, std::string>;  // tensor -> shard

bool is_plain_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\\:\0", 4)) == std::string_view::npos;
}

Result<WeightMap> read_weight_map(const fs::path& index) {
    DWUBIT_ASSIGN(const Json json, read_json_file(index));
    const std::string where = index.filename().string();
    DWUBIT_ASSIGN(const Json* members, Fields(json, where).object("weight_map"));
    WeightMap weight_map;
    for (const auto& [tensor, shard] : members->items()) {
        if (!shard.is_string() || !is_plain_name(shard.get_ref<const std::string&>())) {
            return errorf(ErrorKind::kInvalidInput,
                          "{}: weight_map of tensor '{}' must be the plain name of a file in the same folder, got {}",
                          where, printable(tensor), printable(dump_json(shard)));
        }
        weight_map.emplace(tensor, shard.get<std::string>());
    }
    if (weight_map.empty()) return errorf(ErrorKind::kInvalidInput, "{}: weight_map names no tensor", where);
    return weight_map;
}

// Whether `file`, with symbolic links resolved, may serve as a shard of `folder`, resolved too: it lies there, or the
// folder is a snapshot of the Hugging Face cache (<model>/snapshots/<revision>), whose files are links to
// <model>/blobs.
bool may_serve(const fs::path& folder, const fs::path& file) {
    const fs::path snapshots = folder.parent_path();
    return file.parent_path() == folder ||
           (snapshots.filename() == "snapshots" && file.parent_path() == snapshots.parent_path() / "blobs");
}

// The path of a shard that exists and lies where it may.
Result<fs::path> locate_shard(const fs::path& index, const std::string& shard) {
    const fs::path parent = index.has_parent_path() ? index.parent_path() : fs::path(".");
    std::error_code code;
    const fs::path folder = fs::canonical(parent, code);
    if (code) return errorf(ErrorKind::kIo, "cannot resolve {}: {}", parent.string(), code.message());
    const fs::path file = fs::canonical(folder / shard, code);
    if (code) {
        return errorf(ErrorKind::kNotFound, "{}: shard '{}' is not in {}: {}", index.filename().string(),
                      printable(shard), parent.string(), code.message())
            .with_hint("download the missing file; every shard of the index is needed");
    }
    if (!may_serve(folder, file)) {
        return errorf(ErrorKind::kInvalidInput, "{}: shard '{}' is a link that leaves the folder, to {}",
                      index.filename().string(), printable(shard), file.string())
            .with_hint("copy the file into the folder");
    }
    return parent / shard;
}

// The index and the shards name the same tensors in the same files.
Result<void> check_against_index(const TensorTable& table, const WeightMap& weight_map, const std::string& index) {
    for (const auto& [name, tensor] : table.tensors()) {
        const auto at = weight_map.find(name);
        if (at == weight_map.end()) {
            return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' is not in the weight_map of {}", tensor.file,
                          printable(name), index);
        }
        if (at->second != tensor.file) {
            return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' lies here, but {} puts it into {}", tensor.file,
                          printable(name), index, printable(at->second));
        }
    }
    for (const auto& [name, shard] : weight_map) {
        // Padding may be listed, for readers that expect every tensor of a shard to be; the table leaves it out.
        if (table.find(name) == nullptr && !name.starts_with(kPaddingPrefix)) {
            return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' is not in {}, where the index puts it", index,
                          printable(name), printable(shard));
        }
    }
    return {};
}

Result<TensorTable> read_shards(const fs::path& index) {
    DWUBIT_ASSIGN(const WeightMap weight_map, read_weight_map(index));
    std::set<std::string> shards;
    for (const auto& entry : weight_map) shards.insert(entry.second);
    // All paths before any data: a missing shard is the commonest fault.
    std::vector<fs::path> paths;
    for (const std::string& shard : shards) {
        DWUBIT_ASSIGN(fs::path path, locate_shard(index, shard));
        paths.push_back(std::move(path));
    }
    TensorTable table;
    for (const fs::path& path : paths) {
        auto header = read_safetensors(path, table);
        if (!header.ok()) return std::move(header).error();
    }
    DWUBIT_TRY(check_against_index(table, weight_map, index.filename().string()));
    return table;
}

}  // namespace

Result<TensorTable> read_sharded_safetensors(const fs::path& index) {
    return read_shards(index).context("index " + index.string());
}

}  // namespace dwubit
