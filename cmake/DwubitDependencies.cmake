# Every third-party library in one place; modules name the targets they use in their own CMakeLists.txt.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
set_target_properties(PkgConfig::UTF8PROC PROPERTIES INTERFACE_COMPILE_OPTIONS "")  # Debian's say -DUTF8PROC_EXPORTS
find_package(yaml-cpp REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)

if(DWUBIT_TESTS)
  find_package(GTest REQUIRED)
endif()
if(DWUBIT_BENCH)
  find_package(benchmark REQUIRED)
endif()

# Parquet corpora: Apache Arrow C++, the system's, or that of the Python package pyarrow, which has headers and libraries.
if(DWUBIT_PARQUET)
  set(DWUBIT_PYARROW "" CACHE PATH "Folder of the Python package pyarrow whose Arrow C++ is used; empty: the system's")
  add_library(dwubit_arrow INTERFACE)
  if(DWUBIT_PYARROW)
    foreach(name arrow parquet)
      # The wheel has them under their versioned name alone: libarrow.so.2600.
      file(GLOB library ${DWUBIT_PYARROW}/lib${name}.so.*)
      list(FILTER library INCLUDE REGEX "\\.so\\.[0-9]+$")
      list(LENGTH library count)
      if(NOT count EQUAL 1 OR NOT EXISTS ${DWUBIT_PYARROW}/include/${name})
        message(FATAL_ERROR "DWUBIT_PYARROW=${DWUBIT_PYARROW} must hold one lib${name}.so.N and include/${name}: "
                            "the folder that python3 -c 'import pyarrow; print(pyarrow.get_library_dirs()[0])' prints.")
      endif()
      add_library(dwubit_${name}_wheel SHARED IMPORTED)
      set_target_properties(dwubit_${name}_wheel PROPERTIES
        IMPORTED_LOCATION ${library} INTERFACE_INCLUDE_DIRECTORIES ${DWUBIT_PYARROW}/include)
    endforeach()
    target_link_libraries(dwubit_arrow INTERFACE dwubit_parquet_wheel dwubit_arrow_wheel)
  else()
    find_package(Arrow QUIET)
    find_package(Parquet QUIET)
    if(NOT TARGET Arrow::arrow_shared OR NOT TARGET Parquet::parquet_shared)
      message(FATAL_ERROR "DWUBIT_PARQUET=ON: no Apache Arrow C++ with Parquet found. Install it (libarrow-dev and "
                          "libparquet-dev from Apache's archive), or pass -DDWUBIT_PYARROW=DIR, the folder of the "
                          "Python package pyarrow; `make parquet` does that.")
    endif()
    target_link_libraries(dwubit_arrow INTERFACE Parquet::parquet_shared Arrow::arrow_shared)
  endif()
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
