// Tensors of a checkpoint as tensors of libtorch.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "checkpoint/tensor_table.h"

namespace dwubit::lab {

// F32, F16, BF16, F64; Failure naming the tensor for others.
at::ScalarType scalar_type(const TensorView& tensor);

// A copy of `tensor` with its shape on `device` in `dtype`.
at::Tensor to_tensor(const TensorView& tensor, at::Device device, at::ScalarType dtype);

// "float32", "f32", "bfloat16" or "bf16"; usage error with the choices for others.
at::ScalarType dtype_from_flag(const std::string& name);
// "float32", "bfloat16"
std::string dtype_flag(at::ScalarType dtype);

}  // namespace dwubit::lab
