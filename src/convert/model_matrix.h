// The weight matrix that a packed linear stands for, in the model's own basis: its transforms undone.
#pragma once

#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "runtime/model/config.h"

namespace dwubit {

// W = T_outT W' T_in, [out, in], W' what the format holds; transforms in float64, rounded to float32 after each. The
// buffers are checked; errors name `where`.
Result<std::vector<float>> model_matrix(const TensorTable& table, const LinearShape& linear, const LinearFormat& packed,
                                        ThreadPool& pool, const std::string& where);

// Whether that is more than what the format holds.
bool has_transforms(const LinearFormat& packed);

}  // namespace dwubit
