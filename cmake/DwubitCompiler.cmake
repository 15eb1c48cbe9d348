# Language level, warnings, sanitizers, ccache. The baseline instruction set is x86-64; files named *_avx2.cpp and
# *_avx512.cpp get theirs in DwubitTargets.cmake, nothing else does.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(DWUBIT_CCACHE ccache)
if(DWUBIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DWUBIT_CCACHE})
endif()

# -ffp-contract=off: the same source gives the same numbers whether or not an ISA has fused multiply-add; kernels that
# want FMA say so.
add_compile_options(
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wpedantic;-Wnon-virtual-dtor;-ffp-contract=off>")
# Messages of DWUBIT_CHECK name files as the repository does, wherever it was built.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees uninitialised members in every moved std::variant and std::optional, and, where the standard headers come
  # precompiled, overlaps and overflows in std::string.
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized;-Wno-restrict;-Wno-array-bounds>"
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-stringop-overflow;-Wno-stringop-overread>")
endif()
if(DWUBIT_WERROR)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(DWUBIT_SANITIZE)
  add_compile_options(-fsanitize=${DWUBIT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${DWUBIT_SANITIZE})
endif()

# Kernels are C++20, which CMake 3.25 does not know of nvcc 13: it says so, or passes -std=c++17 where it is lenient.
if(DWUBIT_CUDA)
  if(NOT CMAKE_CUDA_COMPILER_LAUNCHER AND DWUBIT_CCACHE)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${DWUBIT_CCACHE})
  endif()
  enable_language(CUDA)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  add_compile_options($<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall>)
endif()

# libFuzzer programs (tests/fuzz): every source is instrumented, the programs alone get libFuzzer's main().
if(DWUBIT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "DWUBIT_FUZZ needs clang (preset fuzz uses clang++-16); this is ${CMAKE_CXX_COMPILER_ID}.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=address,undefined)
endif()
