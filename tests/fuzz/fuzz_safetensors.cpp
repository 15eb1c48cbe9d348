// parse_safetensors on any bytes: accepted tensors lie inside the data, cover it, and can be read.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "checkpoint/safetensors.h"

namespace {

void read_values(const dwubit::TensorView& tensor) {
    const std::size_t count = tensor.bytes.size() / dwubit::dtype_size(tensor.dtype);
    std::vector<float> values(count);
    const bool finite = dwubit::check_finite(tensor).ok();
    const bool readable = dwubit::read_as_f32(tensor, values).ok();
    if (!readable || !finite) return;
    for (const float value : values) DWUBIT_CHECK(value - value == 0.0f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A copy of the exact size, so that the address sanitizer sees a read past the end.
    const std::vector<std::uint8_t> copy(data, data + size);
    const auto file = std::as_bytes(std::span(copy));
    dwubit::TensorTable table;
    const auto header = dwubit::parse_safetensors(file, "fuzz.safetensors", table);
    if (!header.ok()) {
        DWUBIT_CHECK(header.error().message.starts_with("fuzz.safetensors: "));
        DWUBIT_CHECK(header.error().message.size() < 2048);
        return 0;
    }
    DWUBIT_CHECK(table.total_bytes() <= size);
    for (const auto& entry : table.tensors()) {
        const dwubit::TensorView& tensor = entry.second;
        DWUBIT_CHECK(tensor.bytes.data() >= file.data());
        DWUBIT_CHECK(tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size());
        read_values(tensor);
    }
    return 0;
}
