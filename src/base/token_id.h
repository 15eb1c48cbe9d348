// The index of a token in a vocabulary.
#pragma once

#include <cstdint>

namespace dwubit {

using TokenId = std::int32_t;

}  // namespace dwubit
