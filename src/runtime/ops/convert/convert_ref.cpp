#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "runtime/ops/kernels.h"

namespace dwubit {

void from_bf16_f32_ref(const std::uint16_t* x, float* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = to_float(Bf16{x[i]});
}

void from_f16_f32_ref(const std::uint16_t* x, float* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = to_float(F16{x[i]});
}

void to_f16_f32_ref(const float* x, std::uint16_t* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = to_f16(x[i]).bits;
}

void from_int8_f32_ref(const std::int8_t* x, float scale, float* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = scale * static_cast<float>(x[i]);
}

float to_int8_f32_ref(const float* x, std::int8_t* out, std::int64_t n) {
    float largest = 0;
    for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(x[i]));
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    for (std::int64_t i = 0; i < n; ++i) {
        out[i] = static_cast<std::int8_t>(std::nearbyint(std::clamp(x[i] * inverse, -127.0f, 127.0f)));
    }
    return largest / 127.0f;
}

}  // namespace dwubit
