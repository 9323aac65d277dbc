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

// While one lives, LibTorch's convolutions and recurrent layers on a CUDA device compute in float32, not in
// TF32, whose 10 bits of mantissa would part the device's numbers from the CPU's. Process-wide in LibTorch,
// so the last scope gives back what the first one found.
class TrueFloatScope {
 public:
  TrueFloatScope();
  ~TrueFloatScope();
  TrueFloatScope(const TrueFloatScope&) = delete;
  TrueFloatScope& operator=(const TrueFloatScope&) = delete;
};

}  // namespace smctrain::models::neural
