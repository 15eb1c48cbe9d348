// A transform made of Hadamard matrices: T = UT diag(f), U a Kronecker product of Hadamard matrices divided by the root
// of its size, or several of those down the diagonal. What hadamard, rht, block_rht and kronecker differ in is the
// plan.
#pragma once

#include <memory>
#include <vector>

#include "runtime/transforms/transform.h"

namespace dwubit {

struct HadamardPlan {
    const char* id = "";  // of the transform
    std::int64_t size = 0;
    // The factors of U, each a size that hadamard_size() knows; their product is a block, which divides size.
    std::vector<std::int64_t> orders;
};

// `factors`: [size], or empty for ones. O(n (log2 of the powers of two + the orders that are none)).
std::unique_ptr<BoundTransform> make_hadamard_product(const HadamardPlan& plan, std::vector<float> factors);

// The rows of a transform's kernel table, names by its id: one per instruction set and one for CUDA.
#define DWUBIT_HADAMARD_KERNELS(id)                                                         \
    {                                                                                       \
        {id "_apply_f32_ref", Isa::kRef, "cpu"}, {id "_apply_f32_avx2", Isa::kAvx2, "cpu"}, \
            {id "_apply_f32_avx512", Isa::kAvx512, "cpu"}, {                                \
            id "_apply_f32_cuda", Isa::kRef, "cuda"                                         \
        }                                                                                   \
    }

}  // namespace dwubit
