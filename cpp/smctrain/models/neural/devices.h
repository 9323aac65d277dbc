// Which device LibTorch can compute on here.
#pragma once

#include <string>

namespace smctrain::models::neural {

struct CudaDevice {
  bool works = false;
  std::string words;  // "NVIDIA ... (cuda:0)", or why there is none
};

// Does a small sum on the device: a driver that lists a device can still be unable to use it. LibTorch looks
// for its CUDA part once in a process, so that part must have been loaded before.
CudaDevice find_cuda();

}  // namespace smctrain::models::neural
