// Tensors of a shard and the memory of those that are made for it.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/safetensors_writer.h"

namespace dwubit {

class Shard {
public:
    // The bytes are kept.
    void add(std::string name, DType dtype, Shape shape, std::vector<std::byte> bytes) {
        owned_.push_back(std::move(bytes));
        tensors_.push_back({std::move(name), dtype, std::move(shape), owned_.back()});
    }
    template <class T>
    void add(std::string name, DType dtype, Shape shape, std::span<const T> values) {
        const auto bytes = std::as_bytes(values);
        add(std::move(name), dtype, std::move(shape), std::vector<std::byte>(bytes.begin(), bytes.end()));
    }
    // The bytes lie elsewhere and outlive the shard.
    void add_view(const std::string& name, const TensorView& tensor) {
        tensors_.push_back({name, tensor.dtype, tensor.shape, tensor.bytes});
    }
    std::vector<TensorToWrite> take() { return std::move(tensors_); }

private:
    std::deque<std::vector<std::byte>> owned_;
    std::vector<TensorToWrite> tensors_;
};

}  // namespace dwubit
