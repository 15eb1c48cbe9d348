#include "checkpoint/model_folder.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "base/atomic_file.h"
#include "base/check.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "checkpoint/gguf_tokenizer.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/stored_tensor.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

bool is_side_file(std::string_view name) {
    constexpr std::array<std::string_view, 6> kNames = {"tokenizer.model",   "special_tokens_map.json",
                                                        "added_tokens.json", "vocab.json",
                                                        "merges.txt",        "generation_config.json"};
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
    if (name.starts_with("tokenizer") && name.ends_with(".json")) return true;
    return name.starts_with("chat_template.") || name.starts_with("LICENSE");
}

Result<void> copy_whole(const fs::path& from, const fs::path& to) {
    DWUBIT_ASSIGN(const MappedFile source, MappedFile::open(from));
    DWUBIT_ASSIGN(AtomicFile target, AtomicFile::create(to));
    DWUBIT_TRY(target.write(source.bytes()));
    return target.commit();
}

Result<std::vector<std::string>> write_side_files(const HfDir& from, const fs::path& to) {
    DWUBIT_ASSIGN(const std::string tokenizer, gguf_tokenizer_json(*from.gguf));
    std::vector<std::string> names;
    const auto write = [&](const char* name, const std::string& text) {
        names.emplace_back(name);
        return write_file_atomically(to / name, text);
    };
    if (from.generation_config)
        DWUBIT_TRY(write("generation_config.json", dump_json(*from.generation_config, 2) + "\n"));
    DWUBIT_TRY(write("tokenizer.json", tokenizer));
    if (from.tokenizer_config) DWUBIT_TRY(write("tokenizer_config.json", dump_json(*from.tokenizer_config, 2) + "\n"));
    return names;
}

}  // namespace

std::string shard_name(std::int64_t number, std::int64_t count) {
    DWUBIT_CHECK(number >= 1 && number <= count);
    return fmt::format("model-{:05}-of-{:05}.safetensors", number, count);
}

Result<void> write_shard_index(const fs::path& folder, const std::map<std::string, std::string>& weight_map,
                               std::uint64_t total_size) {
    const Json index = {{"metadata", {{"total_size", total_size}}}, {"weight_map", weight_map}};
    return write_file_atomically(folder / "model.safetensors.index.json", dump_json(index, 2) + "\n");
}

Result<std::vector<std::string>> copy_side_files(const HfDir& model, const fs::path& to) {
    if (model.is_gguf()) return write_side_files(model, to);
    const fs::path& from = model.path;
    std::vector<std::string> names;
    std::error_code code;
    for (fs::directory_iterator at(from, code), end; !code && at != end; at.increment(code)) {
        std::error_code ignored;
        const std::string name = at->path().filename().string();
        if (is_side_file(name) && fs::is_regular_file(at->path(), ignored)) names.push_back(name);
    }
    if (code) return errorf(ErrorKind::kIo, "cannot read folder {}: {}", from.string(), code.message());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) DWUBIT_TRY(copy_whole(from / name, to / name));
    return names;
}

Result<std::string> model_sha256(const HfDir& directory, ThreadPool& pool) {
    std::vector<const TensorView*> tensors;
    for (const auto& [name, tensor] : directory.tensors.tensors()) {
        if (!name.starts_with(kPaddingPrefix)) tensors.push_back(&tensor);
    }
    std::vector<std::string> hashes(tensors.size());
    pool.parallel_for(static_cast<std::int64_t>(tensors.size()), [&](std::int64_t i) {
        const auto at = static_cast<std::size_t>(i);
        hashes[at] = sha256_hex(tensors[at]->bytes);
    });
    Sha256 hash;
    hash.update(dump_json(directory.config) + "\n");
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const TensorView& tensor = *tensors[i];
        hash.update(dump_json(Json::array({tensor.name, stored_type_name(tensor), tensor.shape, hashes[i]})) + "\n");
    }
    return hash.hex_digest();
}

}  // namespace dwubit
