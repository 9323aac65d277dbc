#include "smctrain/models/neural/devices.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <exception>
#include <mutex>

#include "smctrain/base/error.h"

namespace smctrain::models::neural {

namespace {

constexpr auto kCuda = at::Float32Backend::CUDA;
std::mutex scope_mutex;
int open_scopes = 0;
at::Float32Precision rnn_before = at::Float32Precision::DEFAULT;
at::Float32Precision conv_before = at::Float32Precision::DEFAULT;

}  // namespace

TrueFloatScope::TrueFloatScope() {
  const std::scoped_lock lock(scope_mutex);
  if (open_scopes++ > 0) return;
  at::Context& context = at::globalContext();
  rnn_before = context.float32Precision(kCuda, at::Float32Op::RNN);
  conv_before = context.float32Precision(kCuda, at::Float32Op::CONV);
  context.setAllowTF32CuDNN(false);  // keeps LibTorch's older and newer switch in step
}

TrueFloatScope::~TrueFloatScope() {
  const std::scoped_lock lock(scope_mutex);
  if (--open_scopes > 0) return;
  at::Context& context = at::globalContext();
  context.setAllowTF32CuDNN(conv_before == at::Float32Precision::TF32);
  context.setFloat32Precision(kCuda, at::Float32Op::RNN, rnn_before);
  context.setFloat32Precision(kCuda, at::Float32Op::CONV, conv_before);
}

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
