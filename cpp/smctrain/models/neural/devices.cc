#include "smctrain/models/neural/devices.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <exception>

#include "smctrain/base/error.h"

namespace smctrain::models::neural {

CudaDevice find_cuda() {
  if (!at::hasCUDA()) {
    return {false, "this build of LibTorch has no CUDA part, or its CUDA part found no device and driver"};
  }
  const auto devices = static_cast<int64_t>(at::detail::getCUDAHooks().deviceCount());
  if (devices < 1) return {false, "LibTorch has a CUDA part, but it found no device"};
  try {
    const at::Tensor ones = at::ones({8}, at::TensorOptions().dtype(at::kFloat).device(at::kCUDA));
    if (ones.sum().item<float>() != 8.0F)
      return {false, "a CUDA device is there, but it added eight ones wrongly"};
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return {false, format("a CUDA device is there, but does not work: ", text.substr(0, text.find('\n')))};
  }
  return {true, format("CUDA device 0 of ", devices)};
}

}  // namespace smctrain::models::neural
