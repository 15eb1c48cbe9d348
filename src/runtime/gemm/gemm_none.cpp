#include "runtime/gemm/gemm.h"

namespace dwubit::detail {

const GemmBackend* configured_gemm() {
    return nullptr;
}

}  // namespace dwubit::detail
