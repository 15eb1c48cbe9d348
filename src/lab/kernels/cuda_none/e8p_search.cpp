// What stands for the device's kernels in a build without CUDA.
#include "lab/kernels/e8p_search.h"

namespace dwubit {

const char* e8p_search_f32_cuda(const E8pSearchTable*, const float*, std::int64_t, std::int64_t, std::int32_t*, float*,
                                std::int64_t, void*) {
    return "this build has no CUDA kernels";
}

bool has_cuda_kernels() {
    return false;
}

}  // namespace dwubit
