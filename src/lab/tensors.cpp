#include "lab/tensors.h"

#include <cstdint>
#include <cstring>

#include "checkpoint/stored_tensor.h"
#include "lab/failure.h"

namespace dwubit::lab {

at::ScalarType scalar_type(const TensorView& tensor) {
    switch (value_dtype(tensor)) {
        case DType::kF32:
            return at::kFloat;
        case DType::kF64:
            return at::kDouble;
        case DType::kF16:
            return at::kHalf;
        case DType::kBf16:
            return at::kBFloat16;
        default:
            fail(ErrorKind::kUnsupported, "{}: tensor '{}' is {}; weights must be F32, F16 or BF16", tensor.file,
                 tensor.name, dtype_name(tensor.dtype));
    }
}

at::Tensor to_tensor(const TensorView& stored_tensor, at::Device device, at::ScalarType dtype) {
    std::shared_ptr<const void> memory;
    const TensorView tensor = plain_tensor(stored_tensor, memory);
    const at::ScalarType stored = scalar_type(tensor);
    // The file may place a tensor anywhere; a view is made only where its elements are aligned.
    const bool aligned = reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % dtype_size(tensor.dtype) == 0;
    at::Tensor raw;
    if (aligned && !tensor.bytes.empty()) {
        raw = at::from_blob(const_cast<std::byte*>(tensor.bytes.data()), tensor.shape, stored);
    } else {
        raw = at::empty(tensor.shape, stored);
        if (!tensor.bytes.empty()) std::memcpy(raw.data_ptr(), tensor.bytes.data(), tensor.bytes.size());
    }
    // Widened where it will live: half the bytes go over the bus.
    return raw.to(device, stored, /*non_blocking=*/false, /*copy=*/true).to(dtype);
}

at::ScalarType dtype_from_flag(const std::string& name) {
    if (name == "float32" || name == "f32") return at::kFloat;
    if (name == "bfloat16" || name == "bf16") return at::kBFloat16;
    fail(ErrorKind::kUsage, "--dtype {}: unknown; float32 or bfloat16", name);
}

std::string dtype_flag(at::ScalarType dtype) {
    return dtype == at::kFloat ? "float32" : "bfloat16";
}

}  // namespace dwubit::lab
