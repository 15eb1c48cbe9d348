// Between tensors and what the rest of dwubit works with: spans of std types. The one place where they meet.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>

#include "base/check.h"

namespace dwubit::lab {

// The elements of a contiguous CPU tensor of that type; valid as long as the tensor is.
template <class T>
std::span<T> to_span(at::Tensor& tensor) {
    DWUBIT_CHECK(tensor.device().is_cpu() && tensor.is_contiguous());
    return {tensor.data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
}
template <class T>
std::span<const T> to_span(const at::Tensor& tensor) {
    DWUBIT_CHECK(tensor.device().is_cpu() && tensor.is_contiguous());
    return {tensor.data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
}

// A CPU tensor of `shape` over the elements of `values`, which must outlive it. Not to be written through where T is
// const.
template <class T>
at::Tensor view_of(std::span<T> values, at::IntArrayRef shape) {
    using Value = std::remove_const_t<T>;
    at::Tensor tensor = at::from_blob(const_cast<Value*>(values.data()), shape, c10::CppTypeToScalarType<Value>::value);
    DWUBIT_CHECK(static_cast<std::size_t>(tensor.numel()) == values.size());
    return tensor;
}

}  // namespace dwubit::lab
