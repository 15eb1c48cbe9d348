// What differs between the versions of libtorch that the lab builds with (1.13 of Debian, 2.x with or without CUDA),
// and how the lab uses it. The only file with such differences.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace dwubit::lab {

// "cpu", "cuda", "cuda:1" -> device. Throws Failure: usage for a name that is none, Unsupported where libtorch or the
// machine has no such device.
at::Device parse_device(const std::string& name);

// Call once per process before any tensor work: one torch and one BLAS thread (parallelism is across units of work,
// ADR 0004), no TF32, deterministic algorithms.
void configure_torch();

// "1.13.1"
std::string torch_version();

// The BLAS that runs behind at::mm on the CPU: "OpenBLAS 0.3.21 SkylakeX", or a name with a warning when it is the slow
// reference BLAS (is_reference_blas()).
std::string blas_description();
bool is_reference_blas();

bool built_with_cuda();

// The stream that the calling thread's work on the device goes to, a cudaStream_t; nullptr for the CPU.
void* current_stream(at::Device device);
// Waits for the device; nothing for the CPU.
void synchronize(at::Device device);
// Most bytes that tensors took on the device since reset_peak_memory(); 0 for the CPU.
std::int64_t peak_memory(at::Device device);
void reset_peak_memory(at::Device device);

}  // namespace dwubit::lab
