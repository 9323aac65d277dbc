// The machines behind derived columns, one per (source, kind, width).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "smctrain/features/derived/name.h"

namespace smctrain::features {

// What is read of a kernel, and where it goes.
struct DerivedOutput {
  Operation operation;
  double* to = nullptr;
};

class DerivedKernel {
 public:
  virtual ~DerivedKernel() = default;
  // Takes the values of the next n bars (`other` is the second factor of a product) and writes n values of
  // every output; what is not finite is NaN.
  virtual void push_block(const double* value, const double* other, int n,
                          const std::vector<DerivedOutput>& outputs) = 0;
  virtual void reset() = 0;
};

// Expressions of one source with equal keys share a kernel.
std::string kernel_key(const Expression& expression);
std::unique_ptr<DerivedKernel> make_kernel(const Expression& expression);
// Earlier rows of its source that an operation reads.
int64_t rows_before(const Expression& expression);

}  // namespace smctrain::features
