// parse_gguf on any bytes, then its translation to a model and a tokenizer: accepted tensors lie inside the data and
// can be read.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_tokenizer.h"
#include "checkpoint/stored_tensor.h"
#include "readers.h"
#include "runtime/model/config.h"
#include "runtime/model/gguf_model.h"
#include "tokenizer/tokenizer.h"

namespace {

void read_values(const dwubit::TensorView& tensor) {
    std::int64_t count = 0;
    DWUBIT_CHECK(dwubit::element_count(tensor.shape, &count));
    if (count > 1 << 20) return;  // its bytes are there, but reading all of them is no news
    std::vector<float> values(static_cast<std::size_t>(count));
    const bool finite = dwubit::check_finite(tensor).ok();
    const bool readable = dwubit::read_as_f32(tensor, values).ok();
    if (!readable || !finite) return;
    for (const float value : values) DWUBIT_CHECK(value - value == 0.0f);
}

void read_tokenizer(const dwubit::GgufMetadata& metadata) {
    const auto json = dwubit::gguf_tokenizer_json(metadata);
    if (!fuzz::accepted(json)) return;
    const auto tokenizer = dwubit::Tokenizer::parse(*json, "fuzz");
    if (!fuzz::accepted(tokenizer)) return;
    const auto ids = tokenizer->encode("Ala ma kota <s> 12\n", true);
    if (ids.ok()) DWUBIT_CHECK(tokenizer->decode(*ids, false).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A copy of the exact size, so that the address sanitizer sees a read past the end.
    const std::vector<std::uint8_t> copy(data, data + size);
    const auto file = std::as_bytes(std::span(copy));
    auto parsed = dwubit::parse_gguf(file, "fuzz.gguf");
    if (!fuzz::accepted(parsed)) {
        DWUBIT_CHECK(parsed.error().message.starts_with("fuzz.gguf: "));
        return 0;
    }
    DWUBIT_CHECK(parsed->tensors.total_bytes() <= size);
    for (const auto& [name, tensor] : parsed->tensors.tensors()) {
        DWUBIT_CHECK(tensor.bytes.data() >= file.data());
        DWUBIT_CHECK(tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size());
        read_values(tensor);
    }
    if (parsed->metadata.has("tokenizer.ggml.model")) read_tokenizer(parsed->metadata);
    const auto model = dwubit::translate_gguf(std::move(*parsed), "fuzz.gguf");
    if (!fuzz::accepted(model)) return 0;
    const auto config = dwubit::read_model_config(model->config, &*model->generation_config);
    if (!fuzz::accepted(config) || config->layers > 8 ||
        !fuzz::accepted(dwubit::check_tensors(*config, model->tensors)))
        return 0;
    for (const auto& [name, tensor] : model->tensors.tensors()) read_values(tensor);
    return 0;
}
