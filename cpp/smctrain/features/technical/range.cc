// True range and its means: tr, atr_wilder_14 (the usual scale of the *_atr columns), atr_sma_14, natr_14.
#include <algorithm>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/windows.h"

namespace smctrain::features {
namespace {

class RangeMachine final : public TableMachine {
 public:
  RangeMachine()
      : TableMachine({
            make_column("tr", "technical", "price", 2, 1, 0, "max(H-L, |H-C[t-1]|, |L-C[t-1]|)", "level"),
            make_column("atr_wilder_14", "technical", "price", kForever, 14, wilder_settle(14),
                        "Wilder mean of the true range, seeded with the mean of rows 1..14", "level"),
            make_column("atr_sma_14", "technical", "price", 15, 13, 0,
                        "mean of the last 14 true ranges, tr[0] = H-L", "level"),
            make_column("natr_14", "technical", "pct", kForever, 14, wilder_settle(14),
                        "100 * atr_wilder_14 / C"),
        }) {}

  void push_block(const Block& block, double* const* out) override {
    const Kernels& k = kernels();
    const int n = block.n;
    if (out[0] != nullptr || out[2] != nullptr) {
      double* range = ranges_.extend(n);
      k.true_range(block.high, block.low, block.close, n, range);
      if (out[0] != nullptr) std::copy_n(range, n, out[0]);
      if (block.row == 0) range[0] = block.high[0] - block.low[0];
      if (out[2] != nullptr) {
        mean_.push(range, block.row, n, out[2]);
        k.quotient(out[2], 14.0, n, out[2]);
      }
    }
    if (out[1] != nullptr) std::copy_n(block.atr_wilder_14, n, out[1]);
    if (out[3] != nullptr) k.scaled_ratio(block.atr_wilder_14, block.close, 100.0, n, out[3]);
  }
  void reset() override {
    ranges_.reset();
    mean_.reset();
  }

 private:
  Recent ranges_;
  RollingSums<14> mean_;
};

}  // namespace

std::unique_ptr<Machine> make_range_machine() { return std::make_unique<RangeMachine>(); }

}  // namespace smctrain::features
