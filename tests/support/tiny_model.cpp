#include "support/tiny_model.h"

#include <cstring>
#include <span>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "support/safetensors_writer.h"

namespace dwubit::testing {
namespace {

namespace fs = std::filesystem;

fs::path golden_path(const std::string& file) {
    return fs::path(DWUBIT_SOURCE_DIR) / "tests" / "golden" / "models" / file;
}

std::uint64_t fnv1a64(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

std::uint64_t splitmix64(std::uint64_t& state) {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

Result<std::vector<float>> read_floats(const fs::path& path) {
    DWUBIT_ASSIGN(const std::string bytes, read_file(path));
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
}

Result<void> write_shards(std::span<const TestTensor> tensors, const fs::path& folder) {
    const std::size_t half = tensors.size() / 2;
    const std::span<const TestTensor> parts[] = {tensors.first(half), tensors.subspan(half)};
    Json weight_map = Json::object();
    for (std::size_t i = 0; i < 2; ++i) {
        const std::string shard = fmt::format("model-0000{}-of-00002.safetensors", i + 1);
        for (const TestTensor& tensor : parts[i]) weight_map[tensor.name] = shard;
        DWUBIT_TRY(write_file_atomically(folder / shard, safetensors_file(parts[i])));
    }
    const Json index = {{"metadata", Json::object()}, {"weight_map", weight_map}};
    return write_file_atomically(folder / "model.safetensors.index.json", dump_json(index, 2));
}

}  // namespace

const std::vector<std::string>& tiny_model_names() {
    static const std::vector<std::string> names = {"llama", "llama-linear", "mistral", "qwen2", "qwen3"};
    return names;
}

Result<TinyGolden> read_tiny_golden(const std::string& name) {
    DWUBIT_ASSIGN(const Json json, read_json_file(golden_path(name + ".json")));
    TinyGolden golden;
    golden.config = json.at("config");
    for (const Json& tensor : json.at("tensors")) golden.tensors.push_back({tensor.at(0), tensor.at(1)});
    golden.weights_sha256 = json.at("weights_sha256");
    golden.ids = json.at("ids").get<std::vector<std::int32_t>>();
    golden.vocab = golden.config.at("vocab_size");
    DWUBIT_ASSIGN(golden.logits, read_floats(golden_path(name + ".f32")));
    if (golden.logits.size() != golden.ids.size() * static_cast<std::size_t>(golden.vocab)) {
        return errorf(ErrorKind::kInvalidInput, "{}.f32 holds {} logits, expected {} x {}", name, golden.logits.size(),
                      golden.ids.size(), golden.vocab);
    }
    return golden;
}

std::vector<float> tiny_tensor_values(const TinyTensor& tensor) {
    std::int64_t count = 0;
    DWUBIT_CHECK(element_count(tensor.shape, &count));
    std::uint64_t state = fnv1a64(tensor.name);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) {
        const int byte = static_cast<std::int8_t>(splitmix64(state) >> 56);
        if (tensor.name.ends_with("norm.weight")) {
            value = 1.0f + static_cast<float>(byte >> 2) / 128.0f;
        } else if (tensor.name.ends_with(".bias")) {
            value = static_cast<float>(byte) / 256.0f;
        } else {
            value = static_cast<float>(byte) / 512.0f;
        }
    }
    return values;
}

Result<fs::path> write_tiny_model(const std::string& name, const fs::path& folder, const TinyModelOptions& options) {
    DWUBIT_ASSIGN(const TinyGolden golden, read_tiny_golden(name));
    std::vector<TestTensor> tensors;
    for (const TinyTensor& tensor : golden.tensors) {
        tensors.push_back(make_tensor(tensor.name, options.dtype, tensor.shape, tiny_tensor_values(tensor)));
    }
    DWUBIT_TRY(write_file_atomically(folder / "config.json", dump_json(golden.config, 2)));
    if (options.sharded) {
        DWUBIT_TRY(write_shards(tensors, folder));
    } else {
        DWUBIT_TRY(write_file_atomically(folder / "model.safetensors", safetensors_file(tensors)));
    }
    return folder;
}

}  // namespace dwubit::testing
