// Safetensors files for tests: well-formed ones from tensors, broken ones from any header.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/span.h"
#include "checkpoint/tensor_table.h"

namespace dwubit::testing {

struct TestTensor {
    std::string name;
    DType dtype = DType::kF32;
    Shape shape;
    std::string bytes;  // row-major, little-endian
};

// `values` rounded to F32, BF16 or F16.
TestTensor make_tensor(std::string name, DType dtype, Shape shape, std::span<const float> values);

// Length, header, data, in the order given.
std::string safetensors_file(std::span<const TestTensor> tensors);

// Length and header as given, then the data: for headers that no writer makes.
std::string raw_safetensors_file(std::string_view header, std::string_view data);

}  // namespace dwubit::testing
