// What stands for the device's encoder in a build without CUDA.
#include "lab/kernels/viterbi.h"

namespace dwubit {

std::size_t viterbi_workspace_bytes(int, int) {
    return 0;
}

const char* viterbi_encode_cuda(const ViterbiTrellis&, const float*, std::int64_t, std::uint16_t*, void*, void*) {
    return "this build has no CUDA kernels";
}

}  // namespace dwubit
