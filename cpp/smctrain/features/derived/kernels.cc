#include "smctrain/features/derived/kernels.h"

#include <cmath>
#include <vector>

#include "smctrain/features/derived/fractional.h"
#include "smctrain/features/derived/running.h"
#include "smctrain/features/derived/sorted_window.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {
namespace {

// A state that takes one bar, as a kernel.
template <class State>
class KernelOf final : public DerivedKernel {
 public:
  template <class... Arguments>
  explicit KernelOf(Arguments... arguments) : state_(arguments...) {}

  void push_block(const double* value, const double* other, int n,
                  const std::vector<DerivedOutput>& outputs) override {
    for (int i = 0; i < n; ++i) {
      state_.push(value[i], other[i]);
      for (const auto& output : outputs) {
        const double result = state_.read(output.operation);
        output.to[i] = std::isfinite(result) ? result : kNaN;
      }
    }
  }
  void reset() override { state_.reset(); }

 private:
  State state_;
};

class LagState {
 public:
  explicit LagState(int bars) : values_(static_cast<size_t>(bars), kNaN) {}
  void push(double value, double) {
    lagged_ = values_[next_];  // NaN in the first bars
    values_[next_] = value;
    next_ = next_ + 1 == values_.size() ? 0 : next_ + 1;
  }
  double read(Operation) const { return lagged_; }
  void reset() { values_.assign(values_.size(), kNaN); }

 private:
  std::vector<double> values_;
  size_t next_ = 0;
  double lagged_ = kNaN;
};

class MomentsState {
 public:
  explicit MomentsState(int width) : moments_(width) {}
  void push(double value, double) { moments_.push(value); }
  double read(Operation operation) const {
    switch (operation) {
      case Operation::kMean:
        return moments_.mean();
      case Operation::kSd:
        return moments_.deviation();
      case Operation::kZ:
        return moments_.z();
      case Operation::kRatio:
        return moments_.ratio();
      case Operation::kSkew:
        return moments_.skew();
      default:
        return moments_.slope();
    }
  }
  void reset() { moments_.reset(); }

 private:
  RunningMoments moments_;
};

template <class Extreme>
class ExtremeState {
 public:
  explicit ExtremeState(int width) : extreme_(width) {}
  void push(double value, double) { value_ = extreme_.push(value); }
  double read(Operation) const { return value_; }
  void reset() { extreme_.reset(); }

 private:
  Extreme extreme_;
  double value_ = kNaN;
};

class SortedState {
 public:
  explicit SortedState(int width) : window_(width) {}
  void push(double value, double) { window_.push(value); }
  double read(Operation operation) const {
    switch (operation) {
      case Operation::kMedian:
        return window_.quantile(0.5);
      case Operation::kQ10:
        return window_.quantile(0.1);
      case Operation::kQ90:
        return window_.quantile(0.9);
      default:
        return window_.rank();
    }
  }
  void reset() { window_.reset(); }

 private:
  SortedWindow window_;
};

class AutocorrelationState {
 public:
  AutocorrelationState(int width, int lag) : window_(width, lag) {}
  void push(double value, double) { window_.push(value); }
  double read(Operation) const { return window_.value(); }
  void reset() { window_.reset(); }

 private:
  RunningAutocorrelation window_;
};

class FractionalState {
 public:
  explicit FractionalState(double order) : difference_(order) {}
  void push(double value, double) { value_ = difference_.push(value); }
  double read(Operation) const { return value_; }
  void reset() { difference_.reset(); }

 private:
  FractionalDifference difference_;
  double value_ = kNaN;
};

class ProductState {
 public:
  void push(double value, double other) { value_ = value * other; }
  double read(Operation) const { return value_; }
  void reset() {}

 private:
  double value_ = kNaN;
};

double order_of(const Expression& expression) { return expression.width / 100.0; }

}  // namespace

std::string kernel_key(const Expression& expression) {
  const std::string width = "_" + std::to_string(expression.width);
  switch (expression.operation) {
    case Operation::kMean:
    case Operation::kSd:
    case Operation::kZ:
    case Operation::kRatio:
    case Operation::kSkew:
    case Operation::kSlope:
      return "moments" + width;
    case Operation::kMedian:
    case Operation::kQ10:
    case Operation::kQ90:
    case Operation::kRank:
      return "sorted" + width;
    default:
      return std::to_string(static_cast<int>(expression.operation)) + width + "_" +
             std::to_string(expression.shift);
  }
}

std::unique_ptr<DerivedKernel> make_kernel(const Expression& expression) {
  switch (expression.operation) {
    case Operation::kLag:
      return std::make_unique<KernelOf<LagState>>(expression.width);
    case Operation::kMin:
      return std::make_unique<KernelOf<ExtremeState<RollingMin>>>(expression.width);
    case Operation::kMax:
      return std::make_unique<KernelOf<ExtremeState<RollingMax>>>(expression.width);
    case Operation::kMedian:
    case Operation::kQ10:
    case Operation::kQ90:
    case Operation::kRank:
      return std::make_unique<KernelOf<SortedState>>(expression.width);
    case Operation::kAutocorrelation:
      return std::make_unique<KernelOf<AutocorrelationState>>(expression.width, expression.shift);
    case Operation::kFractional:
      return std::make_unique<KernelOf<FractionalState>>(order_of(expression));
    case Operation::kColumn:
    case Operation::kSquare:
    case Operation::kProduct:
      return std::make_unique<KernelOf<ProductState>>();
    default:
      return std::make_unique<KernelOf<MomentsState>>(expression.width);
  }
}

int64_t rows_before(const Expression& expression) {
  switch (expression.operation) {
    case Operation::kColumn:
    case Operation::kSquare:
    case Operation::kProduct:
      return 0;
    case Operation::kLag:
      return expression.width;
    case Operation::kFractional:
      return static_cast<int64_t>(fractional_weights(order_of(expression)).size()) - 1;
    default:
      return expression.width - 1;
  }
}

}  // namespace smctrain::features
