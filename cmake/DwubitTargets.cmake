# dwubit_sources(<target> files...)   sources with the flags their name asks for (*_avx2.cpp, *_avx512.cpp, *_avx512_vnni.cpp, *_shani.cpp)
# dwubit_tests(<name> files... [LABELS slow])
#                                     unit tests that lie beside the code: one program, one ctest entry per test
# dwubit_lab_tests(<name> files...)   the same for the lab, but one ctest entry per program: libtorch takes 0.5 s to start
# dwubit_cuda_tests(<name> files...)  unit tests that call CUDA's runtime; they skip themselves where there is no device
# dwubit_isa_tests(<name> [filter])   runs a test program once more per forced ISA level; levels the processor lacks are
#                                     reported as skipped

# -O3 vectorizes the plain loops of these files; errno and traps are not observed by any kernel.
set(DWUBIT_AVX2_FLAGS -O3 -fno-math-errno -fno-trapping-math -mavx2 -mfma -mf16c)
# g++ 12 takes the undefined operands inside its own AVX-512 intrinsics for mistakes.
set(DWUBIT_AVX512_FLAGS -O3 -fno-math-errno -fno-trapping-math -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512 -Wno-uninitialized)
if(DWUBIT_SANITIZE MATCHES "address" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 puts 64-byte vectors into AddressSanitizer's stand-in stack frames at 32-byte steps (GCC bug 110027).
  list(APPEND DWUBIT_AVX512_FLAGS --param=asan-use-after-return=0)
endif()

function(dwubit_sources target)
  target_sources(${target} PRIVATE ${ARGN})
  foreach(file IN LISTS ARGN)
    if(file MATCHES "_avx2\\.cpp$")
      set_source_files_properties(${file} TARGET_DIRECTORY ${target} PROPERTIES
        COMPILE_OPTIONS "${DWUBIT_AVX2_FLAGS}" SKIP_PRECOMPILE_HEADERS ON)
    elseif(file MATCHES "_avx512((_vnni|_vbmi|_bf16)*)\\.cpp$")
      string(REPLACE "_" ";-mavx512" needs "${CMAKE_MATCH_1}")
      set_source_files_properties(${file} TARGET_DIRECTORY ${target} PROPERTIES
        COMPILE_OPTIONS "${DWUBIT_AVX512_FLAGS}${needs}" SKIP_PRECOMPILE_HEADERS ON)
    elseif(file MATCHES "_shani\\.cpp$")
      set_source_files_properties(${file} TARGET_DIRECTORY ${target} PROPERTIES
        COMPILE_OPTIONS "-O3;-msha;-msse4.1" SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

function(dwubit_tests name)
  if(NOT DWUBIT_TESTS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 given "" "LABELS" "")
  add_executable(${name} ${given_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE dwubit dwubit_test_support GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM dwubit_test_support)
  include(GoogleTest)
  set(properties TIMEOUT 300)
  if(given_LABELS)
    set(properties TIMEOUT 900 LABELS ${given_LABELS})
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    PROPERTIES ${properties})
endfunction()

function(dwubit_lab_tests name)
  if(NOT DWUBIT_TESTS)
    return()
  endif()
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE dwubit_lab dwubit_test_support GTest::gtest_main)
  target_compile_options(${name} PRIVATE -fPIC)  # as the header was precompiled
  target_precompile_headers(${name} REUSE_FROM dwubit_lab)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS lab)
endfunction()

function(dwubit_cuda_tests name)
  if(NOT DWUBIT_TESTS)
    return()
  endif()
  find_package(CUDAToolkit REQUIRED)
  dwubit_tests(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE CUDA::cudart_static)
endfunction()

function(dwubit_isa_tests name)
  if(NOT DWUBIT_TESTS)
    return()
  endif()
  set(filter *)
  if(ARGC GREATER 1)
    set(filter ${ARGV1})
  endif()
  foreach(level ref avx2 avx512 avx512,-amx avx512,-vnni,-vbmi,-bf16)
    set(entry ${name}.${level})
    add_test(NAME ${entry} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
      COMMAND ${PROJECT_SOURCE_DIR}/tests/support/with_isa.sh ${level} $<TARGET_FILE:${name}> --gtest_filter=${filter})
    set_tests_properties(${entry} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300 LABELS isa)
  endforeach()
endfunction()
