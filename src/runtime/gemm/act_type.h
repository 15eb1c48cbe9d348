// What linears see of their input (--act). Sums are float32, or whole numbers where the inputs are.
#pragma once

#include <string_view>

namespace dwubit {

enum class ActType {
    kF32,
    kBf16,    // rounded to bf16
    kInt8x2,  // per block of 32 columns: a scale, an int8, and a second int8 for what the first left over
    kInt8,    // the same without the second
};

// "f32", "bf16", "int8x2", "int8"
std::string_view act_name(ActType act);

}  // namespace dwubit
