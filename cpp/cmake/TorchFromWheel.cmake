# Declares smctrain::torch from the installed torch wheel, without find_package(Torch), which stops on a CUDA
# wheel when no CUDA toolkit is installed. Sets SMCTRAIN_TORCH_MINOR ("2.13"): _neural fits that minor only.
if(SMCTRAIN_TORCH_DIR)
  set(torch_dir ${SMCTRAIN_TORCH_DIR})
else()
  execute_process(
    COMMAND ${Python_EXECUTABLE} -c
            "import importlib.util, pathlib; s = importlib.util.find_spec('torch'); print(pathlib.Path(s.origin).parent if s else '')"
    OUTPUT_VARIABLE torch_dir OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()

if(NOT torch_dir)
  if(SMCTRAIN_NEURAL STREQUAL "ON")
    message(FATAL_ERROR "SMCTRAIN_NEURAL=ON but torch is not installed: pip install torch==2.13.0 first, "
                        "then build with --no-build-isolation")
  endif()
  message(STATUS "torch not found: building without _neural (NeuralNetwork and LSTM will be unavailable)")
  return()
endif()

file(STRINGS ${torch_dir}/version.py torch_version_line REGEX "^__version__")
string(REGEX MATCH "[0-9]+\\.[0-9]+" SMCTRAIN_TORCH_MINOR "${torch_version_line}")
message(STATUS "torch ${SMCTRAIN_TORCH_MINOR} found: building _neural")

add_library(smctrain_torch INTERFACE)
add_library(smctrain::torch ALIAS smctrain_torch)
target_include_directories(smctrain_torch SYSTEM INTERFACE
  ${torch_dir}/include ${torch_dir}/include/torch/csrc/api/include)
target_link_libraries(smctrain_torch INTERFACE
  ${torch_dir}/lib/libtorch.so ${torch_dir}/lib/libtorch_cpu.so ${torch_dir}/lib/libc10.so)
