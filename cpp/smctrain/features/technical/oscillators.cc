// Position inside the recent range as oscillators: stoch, willr, cci, aroon. Definitions equal TA-Lib's.
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/windows.h"

namespace smctrain::features {
namespace {

class OscillatorsMachine final : public TableMachine {
 public:
  OscillatorsMachine()
      : TableMachine({
            make_column("stoch_k_14_3_3", "technical", "pct", 18, 17, 0,
                        "sma_3 of 100 (C-LL)/(HH-LL) over 14; 0 if HH = LL"),
            make_column("stoch_d_14_3_3", "technical", "pct", 18, 17, 0, "sma_3 of stoch_k"),
            make_column("willr_14", "technical", "pct", 14, 13, 0,
                        "-100 (HH-C)/(HH-LL) over 14; 0 if HH = LL"),
            make_column("cci_20", "technical", "ratio", 20, 19, 0,
                        "(tp - mean) / (0.015 mean |tp - mean|) over 20; 0 if the denominator is 0"),
            make_column("aroon_up_14", "technical", "pct", 15, 14, 0,
                        "100 (14 - bars since the highest high of rows t-14..t) / 14, latest tie"),
            make_column("aroon_down_14", "technical", "pct", 15, 14, 0,
                        "100 (14 - bars since the lowest low of rows t-14..t) / 14, latest tie"),
        }) {}

  void push_block(const Block& block, double* const* out) override {
    const Kernels& k = kernels();
    const int n = block.n;
    if (out[0] != nullptr || out[1] != nullptr || out[2] != nullptr) {
      BlockValues high;
      BlockValues low;
      k.window_max(block.high, 14, n, high);
      k.window_min(block.low, 14, n, low);
      if (!block.plain) blank_gaps(block.high, 14, n, high);
      if (out[2] != nullptr) k.share_of_range(high, block.close, high, low, -100.0, n, out[2]);
      if (out[0] != nullptr || out[1] != nullptr) stochastic(block, high, low, out);
    }
    if (out[3] != nullptr) {
      double* typical = typical_.extend(n);
      k.typical_price(block.high, block.low, block.close, n, typical);
      k.window_cci(typical, 20, n, out[3]);
      if (!block.plain) blank_gaps(typical, 20, n, out[3]);
    }
    if (out[4] != nullptr) {
      k.window_max_age(block.high, 15, n, out[4]);
      k.age_share(out[4], 14, n, out[4]);
      if (!block.plain) blank_gaps(block.high, 15, n, out[4]);
    }
    if (out[5] != nullptr) {
      k.window_min_age(block.low, 15, n, out[5]);
      k.age_share(out[5], 14, n, out[5]);
      if (!block.plain) blank_gaps(block.low, 15, n, out[5]);
    }
  }
  void reset() override {
    for (Recent* stream : {&fast_, &slow_, &typical_}) stream->reset();
    slow_sum_.reset();
    signal_sum_.reset();
  }

 private:
  void stochastic(const Block& block, const double* high, const double* low, double* const* out) {
    const Kernels& k = kernels();
    const int n = block.n;
    BlockValues scratch;
    double* fast = fast_.extend(n);
    double* slow = slow_.extend(n);
    double* signal = or_else(out[1], scratch);
    k.share_of_range(block.close, low, high, low, 100.0, n, fast);
    slow_sum_.push(fast, block.row, n, slow);
    k.quotient(slow, 3.0, n, slow);
    signal_sum_.push(slow, block.row, n, signal);
    k.quotient(signal, 3.0, n, signal);
    if (out[0] == nullptr) return;
    if (block.plain) {
      std::copy_n(slow, n, out[0]);
    } else {  // both start together
      for (int t = 0; t < n; ++t) out[0][t] = std::isnan(signal[t]) ? kNaN : slow[t];
    }
  }

  Recent fast_;
  Recent slow_;
  Recent typical_;
  RollingSums<3> slow_sum_;
  RollingSums<3> signal_sum_;
};

}  // namespace

std::unique_ptr<Machine> make_oscillators_machine() { return std::make_unique<OscillatorsMachine>(); }

}  // namespace smctrain::features
