# Declares smctrain::eigen: header-only Eigen 3.4 or newer, from the wheel `cmeel-eigen` of the build environment,
# else from the system (apt-get install libeigen3-dev). Only its headers are used, nothing of it is linked.
execute_process(
  COMMAND ${Python_EXECUTABLE} -c
          "import importlib.metadata as m; print(m.distribution('cmeel-eigen').locate_file('cmeel.prefix/include/eigen3'))"
  OUTPUT_VARIABLE eigen_wheel_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
find_path(SMCTRAIN_EIGEN_DIR Eigen/Dense HINTS ${eigen_wheel_dir} PATH_SUFFIXES eigen3)
if(NOT SMCTRAIN_EIGEN_DIR)
  message(FATAL_ERROR "Eigen's headers are needed: pip install \"cmeel-eigen>=3.4,<4\" (or apt-get install libeigen3-dev)")
endif()
add_library(smctrain_eigen INTERFACE)
add_library(smctrain::eigen ALIAS smctrain_eigen)
target_include_directories(smctrain_eigen SYSTEM INTERFACE ${SMCTRAIN_EIGEN_DIR})
# One thread, and only the files under the licence MPL2.
target_compile_definitions(smctrain_eigen INTERFACE EIGEN_MPL2_ONLY EIGEN_DONT_PARALLELIZE)
