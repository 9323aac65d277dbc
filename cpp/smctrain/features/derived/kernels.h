// The machines behind derived columns, one per (source, kind, width).
#pragma once

#include <memory>
#include <string>

#include "smctrain/features/derived/name.h"

namespace smctrain::features {

class DerivedKernel {
 public:
  virtual ~DerivedKernel() = default;
  // The value of this bar; `other` is the second factor of a product.
  virtual void push(double value, double other) = 0;
  virtual double read(Operation operation) const = 0;
  virtual void reset() = 0;
};

// Expressions of one source with equal keys share a kernel.
std::string kernel_key(const Expression& expression);
std::unique_ptr<DerivedKernel> make_kernel(const Expression& expression);
// Earlier rows of its source that an operation reads.
int64_t rows_before(const Expression& expression);

}  // namespace smctrain::features
