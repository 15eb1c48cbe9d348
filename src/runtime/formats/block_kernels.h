// What kernels of block formats read. Fixed-width types only: the *_avx* files include it.
#pragma once

#include <cstdint>

namespace dwubit {

struct BlockMatrix {
    const unsigned char* blocks;  // at any address
    std::int64_t out;
    std::int64_t in;
    std::int64_t row_blocks;
    std::int64_t row_bytes;
};

}  // namespace dwubit
