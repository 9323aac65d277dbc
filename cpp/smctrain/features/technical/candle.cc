// Shape of the finished bar. Shares of the range are NaN where high equals low.
#include <algorithm>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/windows.h"

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

  void push_block(const Block& block, double* const* out) override {
    const Kernels& k = kernels();
    const int n = block.n;
    BlockValues range;
    BlockValues part;
    k.difference(block.high, block.low, n, range);
    if (out[0] != nullptr) k.difference_ratio(block.close, block.open, block.atr, 1.0, n, out[0]);
    if (out[1] != nullptr) k.scaled_ratio(range, block.atr, 1.0, n, out[1]);
    if (out[2] != nullptr) {
      k.absolute_difference(block.close, block.open, n, part);
      k.scaled_ratio(part, range, 1.0, n, out[2]);
    }
    if (out[3] != nullptr) {
      for (int t = 0; t < n; ++t) part[t] = block.high[t] - std::max(block.open[t], block.close[t]);
      k.scaled_ratio(part, range, 1.0, n, out[3]);
    }
    if (out[4] != nullptr) {
      for (int t = 0; t < n; ++t) part[t] = std::min(block.open[t], block.close[t]) - block.low[t];
      k.scaled_ratio(part, range, 1.0, n, out[4]);
    }
    if (out[5] != nullptr) k.difference_ratio(block.close, block.low, range, 1.0, n, out[5]);
    if (out[6] != nullptr) k.difference_ratio(block.open, block.close - 1, block.atr, 1.0, n, out[6]);
  }
  void reset() override {}
};

}  // namespace

std::unique_ptr<Machine> make_candle_machine() { return std::make_unique<CandleMachine>(); }

}  // namespace smctrain::features
