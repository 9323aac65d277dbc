// Returns of the close over the last k bars.
#include <array>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/kernels.h"

namespace smctrain::features {
namespace {

constexpr std::array<int, 5> kSteps{1, 3, 5, 10, 20};

std::vector<ColumnInfo> return_columns() {
  std::vector<ColumnInfo> columns;
  for (const int k : kSteps) {
    const std::string step = std::to_string(k);
    columns.push_back(
        make_column("ret_" + step, "returns", "ratio", k + 1, k, 0, "C / C[t-" + step + "] - 1"));
  }
  columns.push_back(make_column("logret_1", "returns", "ratio", 2, 1, 0, "ln(C / C[t-1])"));
  return columns;
}

class ReturnsMachine final : public TableMachine {
 public:
  ReturnsMachine() : TableMachine(return_columns()) {}

  void push_block(const Block& block, double* const* out) override {
    const int n = block.n;
    const double* close = block.close;  // NaN before the first row
    for (size_t i = 0; i < kSteps.size(); ++i) {
      if (out[i] != nullptr) kernels().scaled_change(close, close - kSteps[i], 1.0, n, out[i]);
    }
    double* log_return = out[kSteps.size()];
    if (log_return == nullptr) return;
    for (int t = 0; t < n; ++t) log_return[t] = std::log(safe_div(close[t], close[t - 1]));
  }
  void reset() override {}
};

}  // namespace

std::unique_ptr<Machine> make_returns_machine() { return std::make_unique<ReturnsMachine>(); }

}  // namespace smctrain::features
