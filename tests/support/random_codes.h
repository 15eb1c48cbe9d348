// Codes of any format with random contents, for tests that walk all formats.
#pragma once

#include <cstdint>

#include "runtime/formats/format.h"

namespace dwubit::testing {

// Integers below their limit, finite F16 and F32 values of either sign, `perm` a permutation. `params` are normalised.
Codes random_codes(const Format& format, const Json& params, const Shape& shape, std::uint64_t seed);

}  // namespace dwubit::testing
