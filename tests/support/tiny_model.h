// Tiny random checkpoints whose logits are known from transformers.
//
// tests/golden/models/<name>.json holds a config, tensor names and shapes, token ids and the SHA-256 of the weights;
// <name>.f32 the logits, float32 [ids, vocab]. The weights are made here and in tests/oracle/tiny_models.py by the
// same rule, so they are not stored:
//
//   element i of a tensor: s = top byte (signed) of the i-th output of splitmix64 seeded with fnv1a64(tensor's name)
//   *norm.weight -> 1 + floor(s / 4) / 128,   *.bias -> s / 256,   others -> s / 512
//
// All are exact in BF16, F16 and F32.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/span.h"
#include "checkpoint/tensor_table.h"
#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit::testing {

// "llama", "llama-linear", "mistral", "qwen2", "qwen3".
const std::vector<std::string>& tiny_model_names();

struct TinyTensor {
    std::string name;
    Shape shape;
};

struct TinyGolden {
    Json config;                      // the config.json
    std::vector<TinyTensor> tensors;  // as transformers saves them
    std::string weights_sha256;       // of all values as float32, tensors in the order above
    std::vector<std::int32_t> ids;
    std::int64_t vocab = 0;
    std::vector<float> logits;  // [ids, vocab]
};

Result<TinyGolden> read_tiny_golden(const std::string& name);

// The values of one tensor by the rule above.
std::vector<float> tiny_tensor_values(const TinyTensor& tensor);

struct TinyModelOptions {
    DType dtype = DType::kBf16;  // F32, BF16 or F16
    bool sharded = false;        // two shards with an index instead of model.safetensors
};

// Writes config.json and the weights into `folder`, which it makes; returns `folder`.
Result<std::filesystem::path> write_tiny_model(const std::string& name, const std::filesystem::path& folder,
                                               const TinyModelOptions& options = {});

}  // namespace dwubit::testing
