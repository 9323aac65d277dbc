// Shape of the finished bar. Shares of the range are NaN where high equals low.
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"

namespace smctrain::features {
namespace {

class CandleMachine final : public TableMachine {
 public:
  CandleMachine()
      : TableMachine({
            make_column("cd_body_atr", "candle", "atr", kForever, 14, wilder_settle(14), "(C - O) / ATR"),
            make_column("cd_range_atr", "candle", "atr", kForever, 14, wilder_settle(14), "(H - L) / ATR"),
            make_column("cd_body_ratio", "candle", "ratio", 1, 0, 0, "|C - O| / (H - L)"),
            make_column("cd_upper", "candle", "ratio", 1, 0, 0, "(H - max(O, C)) / (H - L)"),
            make_column("cd_lower", "candle", "ratio", 1, 0, 0, "(min(O, C) - L) / (H - L)"),
            make_column("cd_clv", "candle", "ratio", 1, 0, 0, "(C - L) / (H - L)"),
            make_column("cd_gap_atr", "candle", "atr", kForever, 14, wilder_settle(14), "(O - C[t-1]) / ATR"),
        }) {}

  void push(const Bar& bar, const Context& context, double* out) override {
    const double range = bar.high - bar.low;
    out[0] = safe_div(bar.close - bar.open, context.atr);
    out[1] = safe_div(range, context.atr);
    out[2] = safe_div(std::abs(bar.close - bar.open), range);
    out[3] = safe_div(bar.high - std::max(bar.open, bar.close), range);
    out[4] = safe_div(std::min(bar.open, bar.close) - bar.low, range);
    out[5] = safe_div(bar.close - bar.low, range);
    out[6] = safe_div(bar.open - previous_close_, context.atr);
    previous_close_ = bar.close;
  }
  void reset() override { previous_close_ = kNaN; }

 private:
  double previous_close_ = kNaN;
};

}  // namespace

std::unique_ptr<Machine> make_candle_machine() { return std::make_unique<CandleMachine>(); }

}  // namespace smctrain::features
