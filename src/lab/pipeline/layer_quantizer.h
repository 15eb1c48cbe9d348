// One layer's linears through a method and its format: values, codes, bytes, and what was lost.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/tensor_table.h"
#include "hessians/hessian_store.h"
#include "lab/methods/method.h"
#include "runtime/model/config.h"

namespace dwubit::lab {

// A matrix as it is stored: a linear, or several fused.
struct QuantizedLinear {
    std::string name;                  // module
    std::vector<std::string> linears;  // the model's, in order of its rows
    PackedTensor packed;
    UsedTransform in;
    UsedTransform out;
    Json reports;  // for each linear a row of `tensors`: name, format, transform, shape, bits_per_weight, bits,
                   // relative_proxy, ..., seconds
};

// What stays the same from layer to layer.
struct QuantizeJob {
    const Method& method;
    const Parameters& parameters;
    const ModelConfig& config;
    const TensorTable& tensors;
    const HessianStore* store;  // or nullptr
    at::Device device;
    LabContext& context;
};

// Linears of a layer that read the site's input, in the order q, k, v / o / gate, up / down.
std::vector<std::string> site_linears(const ModelConfig& config, std::int64_t layer, Site site);

// Site by site: one Hessian in memory at a time. Throws Failure naming the tensor: NaN or infinity in a weight, a
// Hessian of another size. kInternal when the packed bytes do not decode to the values that the method reported.
std::vector<QuantizedLinear> quantize_layer(const QuantizeJob& job, std::int64_t layer);

}  // namespace dwubit::lab
