// Writes labels into the caller's columns: outcome, results in R, costs.
//
// Counts what could not be charged or decided on the way.
#pragma once

#include <cmath>
#include <cstdint>

#include "smctrain/labels/barrier/path.h"

namespace smctrain::labels::barrier {

class Record {
 public:
  Record(const BarsView& bars, const BarrierOptions& options, const LabelColumns& out)
      : bars_(bars), options_(options), out_(out) {}

  const LabelColumns& columns() const { return out_; }
  LabelCounts& counts() { return counts_; }

  [[gnu::noinline]] void write_nothing(size_t k, Status status, int64_t t1) {
    for (const auto& column : {out_.y, out_.fill, out_.stop, out_.target, out_.risk, out_.risk_scale,
                               out_.exit, out_.r_gross, out_.r, out_.mfe_r, out_.mae_r}) {
      if (!column.empty()) column[k] = kNaN;
    }
    for (const auto& column : {out_.entry_bar, out_.bars_held}) {
      if (!column.empty()) column[k] = -1;
    }
    out_.t1[k] = t1;
    if (out_.y.empty()) return;
    out_.status[k] = static_cast<uint8_t>(status);
    out_.rule[k] = static_cast<uint8_t>(Rule::kNone);
  }

  double cost(int64_t fill_row) {
    double cost = options_.fixed_cost;
    if (options_.point > 0.0 && !options_.bid_ask && !bars_.spread.empty()) {
      const double spread = bars_.spread[static_cast<size_t>(fill_row)];
      if (std::isfinite(spread)) {
        cost += spread * options_.point;
      } else {
        ++counts_.unknown_spreads;
      }
    }
    return cost;
  }

  double label_of(Rule rule, double r_gross) const {
    if (rule != Rule::kTimeout) return rule >= Rule::kTarget ? 1.0 : -1.0;
    if (options_.timeout == Timeout::kLoss) return -1.0;
    if (options_.timeout == Timeout::kSign && std::abs(r_gross) > options_.timeout_band) {
      return r_gross > 0.0 ? 1.0 : -1.0;
    }
    return 0.0;
  }

  template <Entry kEntry, bool kLong>
  [[gnu::always_inline]] void write(size_t k, int64_t t, const Order& order, const Outcome& result) {
    const double r_gross = (result.exit - order.fill) / order.risk;
    const Status status = result.status;
    out_.t1[k] = result.bar;
    out_.exit[k] = kLong ? result.exit : -result.exit;
    if (!out_.y.empty()) {
      out_.status[k] = static_cast<uint8_t>(status);
      out_.rule[k] = static_cast<uint8_t>(result.rule);
      out_.y[k] = status == Status::kOk ? label_of(result.rule, r_gross) : kNaN;
      out_.r_gross[k] = r_gross;
    }
    if (!out_.r.empty()) {
      out_.r[k] = r_gross - cost(kEntry == Entry::kClose ? t : order.entry_bar) / order.risk;
    }
    if (out_.fill.empty()) return;
    out_.entry_bar[k] = order.entry_bar;
    out_.bars_held[k] = result.bar - order.entry_bar + 1;
    out_.fill[k] = kLong ? order.fill : -order.fill;
    out_.stop[k] = kLong ? order.stop : -order.stop;
    out_.target[k] = kLong ? order.target : -order.target;
    out_.risk[k] = order.risk;
    out_.risk_scale[k] =
        options_.scale.empty() ? order.risk : order.risk / options_.scale[static_cast<size_t>(t)];
    out_.mfe_r[k] = (result.best - order.fill) / order.risk;
    out_.mae_r[k] = (result.worst - order.fill) / order.risk;
  }

 private:
  const BarsView& bars_;
  const BarrierOptions& options_;
  LabelColumns out_;
  LabelCounts counts_;
};

}  // namespace smctrain::labels::barrier
