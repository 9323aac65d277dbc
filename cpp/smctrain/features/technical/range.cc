// True range and its means: tr, atr_wilder_14 (the usual scale of the *_atr columns), atr_sma_14, natr_14.
#include <algorithm>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/rolling.h"

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

  void push(const Bar& bar, const Context& context, double* out) override {
    const double inside = bar.high - bar.low;
    const double range = has_previous_ ? (std::isfinite(previous_close_) && std::isfinite(inside)
                                              ? std::max({inside, std::abs(bar.high - previous_close_),
                                                          std::abs(bar.low - previous_close_)})
                                              : kNaN)
                                       : kNaN;
    out[0] = range;
    out[1] = context.atr_wilder_14;
    out[2] = mean_.push_mean(has_previous_ ? range : inside);
    out[3] = 100.0 * safe_div(context.atr_wilder_14, bar.close);
    previous_close_ = bar.close;
    has_previous_ = true;
  }
  void reset() override {
    mean_.reset();
    has_previous_ = false;
  }

 private:
  RollingSum mean_{14};
  double previous_close_ = kNaN;
  bool has_previous_ = false;
};

}  // namespace

std::unique_ptr<Machine> make_range_machine() { return std::make_unique<RangeMachine>(); }

}  // namespace smctrain::features
