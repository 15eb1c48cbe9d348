// A row of activations in int8 in the order of kernels.h.
#pragma once

#include "runtime/formats/e8p/kernels.h"
#include "runtime/formats/int8_lanes_inl.h"

namespace dwubit::e8p {
namespace {

template <bool kResidual>
inline void arrange_int8(const void* matrix, const float* x, void* out) {
    arrange_int8_lanes<LaneOrder, kResidual>(x, static_cast<const Matrix*>(matrix)->in, out);
}

}  // namespace
}  // namespace dwubit::e8p
