// Returns of the close over the last k bars.
#include <array>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/rolling.h"

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

  void push(const Bar& bar, const Context&, double* out) override {
    closes_.push(bar.close);
    ++rows_;
    for (size_t i = 0; i < kSteps.size(); ++i) out[i] = safe_div(bar.close, close_before(kSteps[i])) - 1.0;
    out[kSteps.size()] = std::log(safe_div(bar.close, close_before(1)));
  }
  void reset() override {
    closes_.reset();
    rows_ = 0;
  }

 private:
  double close_before(int bars) const { return rows_ > bars ? closes_.ago(bars) : kNaN; }

  Window closes_{kSteps.back() + 1};
  int64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<Machine> make_returns_machine() { return std::make_unique<ReturnsMachine>(); }

}  // namespace smctrain::features
