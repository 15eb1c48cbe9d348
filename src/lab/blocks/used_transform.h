// A transform as a method has chosen it for one side of a linear: what the model directory says of it, and the map
// itself.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "runtime/formats/format.h"
#include "runtime/transforms/transform.h"

namespace dwubit::lab {

struct UsedTransform {
    std::string id = "none";
    Json params = Json::object();               // as Transform::check_params() returned them
    std::vector<Field> fields;                  // the buffers: sign_in, sign_out, ...
    std::shared_ptr<const BoundTransform> map;  // nullptr: none
};

// The transform `id` of vectors of n with these factors. Throws Failure where the transform refuses them.
UsedTransform use_transform(const std::string& id, const Json& params, std::int64_t n, Side side,
                            std::span<const float> factors, const std::string& where);

// W = T_outT values T_in, [out, in] float32 on the CPU, by the runtime's own kernels: what a linear does that
// stores `values` between these transforms.
at::Tensor model_basis(const at::Tensor& values, const UsedTransform& in, const UsedTransform& out, ThreadPool& pool);

}  // namespace dwubit::lab
