# libtorch for the lab: Debian's libtorch-dev, or any 2.x through CMAKE_PREFIX_PATH.
# find_package(Torch) resets CMAKE_CUDA_ARCHITECTURES; targets with kernels are made before this file is included.
find_package(Torch QUIET)
if(NOT TORCH_FOUND)
  message(FATAL_ERROR "libtorch not found. Debian: apt-get install libtorch-dev libopenblas0-pthread; elsewhere pass its "
                      "CMAKE_PREFIX_PATH. -DDWUBIT_LAB=OFF builds everything but calibration and quantization.")
endif()
message(STATUS "Lab: libtorch ${Torch_VERSION}")

# Debian's libtorch calls whatever libblas.so.3 is. Without OpenBLAS that is the reference BLAS, some 60 times slower.
if(Torch_VERSION VERSION_LESS 2)
  file(GLOB DWUBIT_LIBBLAS /usr/lib/*/libblas.so.3)
  foreach(file IN LISTS DWUBIT_LIBBLAS)
    file(REAL_PATH ${file} real)
    if(NOT real MATCHES "openblas|mkl|blis|atlas")
      message(FATAL_ERROR "libtorch would run on the slow reference BLAS (${real}). apt-get install libopenblas0-pthread")
    endif()
  endforeach()
endif()
