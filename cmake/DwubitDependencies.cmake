# Every third-party library in one place; modules name the targets they use in their own CMakeLists.txt.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

if(DWUBIT_TESTS)
  find_package(GTest REQUIRED)
endif()
if(DWUBIT_BENCH)
  find_package(benchmark REQUIRED)
endif()

# Dense GEMM: oneDNN, else OpenBLAS for float32, else the reference loop. `dwubit inspect` names what is used.
# oneDNN is found by header and library: Debian's dnnl-config.cmake demands OpenCL's development files, unused here.
if(DWUBIT_ONEDNN)
  find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
  find_library(DNNL_LIBRARY dnnl)
  if(DNNL_INCLUDE_DIR AND DNNL_LIBRARY)
    set(dnnl_FOUND TRUE)
    find_package(OpenMP REQUIRED COMPONENTS CXX)  # oneDNN's threads, which dwubit sets to one per unit of work
    add_library(DNNL::dnnl SHARED IMPORTED)
    set_target_properties(DNNL::dnnl PROPERTIES
      IMPORTED_LOCATION ${DNNL_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE_DIR})
  else()
    message(WARNING "oneDNN (libdnnl-dev) not found: float32 only, by OpenBLAS. -DDWUBIT_ONEDNN=OFF silences this.")
  endif()
endif()
if(NOT dnnl_FOUND)
  pkg_check_modules(OPENBLAS IMPORTED_TARGET openblas)
  if(NOT OPENBLAS_FOUND)
    message(WARNING "Neither oneDNN nor OpenBLAS found: dense layers run the slow reference loop. "
                    "Install libdnnl-dev or libopenblas-pthread-dev.")
  endif()
endif()
