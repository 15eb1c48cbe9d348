#include "lab/torch_compat.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#ifdef DWUBIT_TORCH_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#endif

#include "lab/failure.h"

// OpenBLAS says which it is; absent where another BLAS is linked.
extern "C" char* openblas_get_config() __attribute__((weak));
extern "C" void openblas_set_num_threads(int) __attribute__((weak));

namespace dwubit::lab {

at::Device parse_device(const std::string& name) {
    if (name == "cpu") return {at::kCPU};
    const bool numbered = name.rfind("cuda:", 0) == 0;
    if (name != "cuda" && !numbered) fail(ErrorKind::kUsage, "--device {}: unknown device; cpu, cuda or cuda:N", name);
    if (!at::hasCUDA()) {
        throw Failure(
            errorf(ErrorKind::kUnsupported, "--device {}: libtorch {} finds no CUDA device", name, torch_version())
                .with_hint("--device cpu"));
    }
#ifdef DWUBIT_TORCH_CUDA
    const std::string number = numbered ? name.substr(5) : "0";
    const int count = c10::cuda::device_count();
    if (number.empty() || number.size() > 3 || number.find_first_not_of("0123456789") != std::string::npos ||
        std::stoi(number) >= count) {
        fail(ErrorKind::kUsage, "--device {}: there are cuda:0 to cuda:{}", name, count - 1);
    }
    const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(std::stoi(number)));
    at::empty({1}, at::TensorOptions().device(device));  // starts the allocator, whose statistics are asked for later
    return device;
#else
    fail(ErrorKind::kUnsupported, "--device {}: this build's lab has no CUDA", name);
#endif
}

void configure_torch() {
    at::set_num_threads(1);
    if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
    at::globalContext().setAllowTF32CuBLAS(false);
}

std::string torch_version() {
    return TORCH_VERSION;
}

std::string blas_description() {
    if (openblas_get_config != nullptr) return openblas_get_config();
    return at::hasMKL() ? "MKL" : "a BLAS that is neither OpenBLAS nor MKL";
}

bool is_reference_blas() {
    return openblas_get_config == nullptr && !at::hasMKL();
}

bool built_with_cuda() {
#ifdef DWUBIT_TORCH_CUDA
    return true;
#else
    return false;
#endif
}

void* current_stream([[maybe_unused]] at::Device device) {
#ifdef DWUBIT_TORCH_CUDA
    if (device.is_cuda()) return c10::cuda::getCurrentCUDAStream(device.index()).stream();
#endif
    return nullptr;
}

void synchronize([[maybe_unused]] at::Device device) {
#ifdef DWUBIT_TORCH_CUDA
    if (device.is_cuda()) c10::cuda::device_synchronize();
#endif
}

std::int64_t peak_memory([[maybe_unused]] at::Device device) {
#ifdef DWUBIT_TORCH_CUDA
    if (device.is_cuda())
        return c10::cuda::CUDACachingAllocator::getDeviceStats(device.index()).allocated_bytes[0].peak;
#endif
    return 0;
}

void reset_peak_memory([[maybe_unused]] at::Device device) {
#ifdef DWUBIT_TORCH_CUDA
    if (device.is_cuda()) c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
#endif
}

}  // namespace dwubit::lab
