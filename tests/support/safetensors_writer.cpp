#include "support/safetensors_writer.h"

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/float16.h"
#include "json/json.h"

namespace dwubit::testing {
namespace {

template <class T>
void append(std::string& out, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
}

}  // namespace

TestTensor make_tensor(std::string name, DType dtype, Shape shape, std::span<const float> values) {
    TestTensor tensor{std::move(name), dtype, std::move(shape), {}};
    for (const float value : values) {
        switch (dtype) {
            case DType::kF32:
                append(tensor.bytes, value);
                break;
            case DType::kBf16:
                append(tensor.bytes, to_bf16(value).bits);
                break;
            default:
                DWUBIT_CHECK(dtype == DType::kF16);
                append(tensor.bytes, to_f16(value).bits);
        }
    }
    return tensor;
}

std::string safetensors_file(std::span<const TestTensor> tensors) {
    Json header = Json::object();
    std::string data;
    for (const TestTensor& tensor : tensors) {
        const std::size_t begin = data.size();
        data += tensor.bytes;
        header[tensor.name] = {
            {"dtype", dtype_name(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
    }
    return raw_safetensors_file(dump_json(header), data);
}

std::string raw_safetensors_file(std::string_view header, std::string_view data) {
    std::string file;
    append(file, std::uint64_t{header.size()});
    file += header;
    file += data;
    return file;
}

}  // namespace dwubit::testing
