// What stands for the device's kernels in a build without CUDA.
#include "lab/kernels/e8p_search.h"

namespace dwubit {

namespace {
constexpr const char* kNone = "this build has no CUDA kernels";
}  // namespace

const char* e8p_search_f32_cuda(const E8pSearchTable*, const float*, std::int64_t, std::int64_t, std::int32_t*, float*,
                                std::int64_t, void*) {
    return kNone;
}

const char* e8_search_f32_cuda(const E8SearchTable*, const float*, std::int64_t, std::int64_t, std::int32_t*, float*,
                               std::int64_t, void*) {
    return kNone;
}

bool has_cuda_kernels() {
    return false;
}

}  // namespace dwubit
