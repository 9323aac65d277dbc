// Follows orders to their ends, many at a time where prices are their own quotes, else one by one.
//
// A batch goes in three steps free of guesses: orders, the first bars that may touch (first_touch.h), what
// happened there (endings.h). What the table cannot say, the walk over one path can.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "smctrain/labels/barrier/endings.h"
#include "smctrain/labels/barrier/orders.h"
#include "smctrain/labels/barrier/record.h"
#include "smctrain/labels/first_touch.h"
#include "smctrain/labels/replay.h"

namespace smctrain::labels::barrier {

// Orders of a few decisions whose paths are searched together.
struct Batch {
  static constexpr size_t kSize = 256;
  std::array<double, kSize> fill, stop, target, risk, below, above;
  std::array<int64_t, kSize> decision, first, last, touched;
  size_t count = 0;
};

class Labeller {
 public:
  Labeller(const BarsView& bars, std::span<const int64_t> rows, const BarrierOptions& options,
           const LabelColumns& out)
      : bars_(bars),
        rows_(rows),
        options_(options),
        orders_(bars, options),
        record_(bars, options, out),
        endings_(endings(options)) {}

  // Whether `label_batch` may stand for `label`: it knows bars that are their own quotes, and no excursions.
  bool batches() const {
    return !options_.bid_ask && options_.entry != Entry::kRetest && record_.columns().mfe_r.empty();
  }

  // Decisions first..last-1, at most Batch::kSize, in three steps free of guesses: orders, the first bars
  // that may touch, what happened there.
  template <Entry kEntry>
  void label_batch(std::span<const int8_t> side, size_t first, size_t last) {
    batch_.count = 0;
    for (size_t k = first; k < last; ++k) {
      if (side[k] > 0) {
        enter<kEntry, true>(k);
      } else {
        enter<kEntry, false>(k);
      }
    }
    const Paths paths{static_cast<int64_t>(batch_.count), batch_.below.data(), batch_.above.data(),
                      batch_.first.data(), batch_.last.data()};
    const Quotes& bid = orders_.bid();
    first_touch_(bid.open, bid.high, bid.low, bars_.size(), paths, batch_.touched.data());
    const LabelColumns out = record_.columns();  // a copy that writing a code cannot be taken to change
    for (size_t i = 0, count = batch_.count; i < count; ++i) {
      if (side[static_cast<size_t>(batch_.decision[i])] > 0) {
        finish<kEntry, true>(i, out);
      } else {
        finish<kEntry, false>(i, out);
      }
    }
  }

  template <Entry kEntry, bool kLong>
  void label(size_t k) {
    const int64_t t = rows_[k];
    Order order;
    const Status status = orders_.place<kEntry, kLong>(k, t, order);
    if (status != Status::kOk) {
      record_.write_nothing(k, status,
                            kEntry == Entry::kRetest && status == Status::kUnfilled ? t + options_.wait : -1);
      return;
    }
    record_.write<kEntry, kLong>(k, t, order, resolve<kEntry, kLong>(order));
  }

  void write_nothing(size_t k, Status status, int64_t t1) { record_.write_nothing(k, status, t1); }

  const LabelCounts& counts() { return record_.counts(); }

 private:
  // ---- many paths at a time ----

  // Adds the order of decision k to the batch, if there is one.
  template <Entry kEntry, bool kLong>
  [[gnu::always_inline]] void enter(size_t k) {
    const int64_t t = rows_[k];
    Order order;
    const Status status = orders_.place<kEntry, kLong>(k, t, order);
    if (status != Status::kOk) {
      record_.write_nothing(k, status, -1);
      return;
    }
    const size_t i = batch_.count++;
    const double eps = 1e-9 * std::abs(order.fill);
    batch_.decision[i] = static_cast<int64_t>(k);
    batch_.first[i] = order.entry_bar;
    batch_.last[i] = order.last;
    batch_.fill[i] = order.fill;
    batch_.stop[i] = order.stop;
    batch_.target[i] = order.target;
    batch_.risk[i] = order.risk;
    // In prices as they are, not negated for a short.
    batch_.below[i] = kLong ? order.stop + eps : -(order.target - eps);
    batch_.above[i] = kLong ? order.target - eps : -(order.stop + eps);
  }

  // The exit of entry i of the batch, by a table instead of branches; what it cannot say, `resolve` can.
  template <Entry kEntry, bool kLong>
  [[gnu::always_inline]] void finish(size_t i, const LabelColumns& out) {
    const auto price = orders_.exit_quotes<kLong>();
    const double fill = batch_.fill[i];
    const double eps = 1e-9 * std::abs(fill);
    const double stop_at = batch_.stop[i] + eps;
    const double target_at = batch_.target[i] - eps;
    const int64_t last = batch_.last[i];
    const int64_t touched = batch_.touched[i];
    const int64_t at = std::min(touched, last);
    const double open = price.open(at);
    // The first bar's open is the fill, unless that came before it.
    const bool may_gap = kEntry == Entry::kClose || at > batch_.first[i];
    const unsigned did = static_cast<unsigned>(price.low(at) <= stop_at) * kReachedStop |
                         static_cast<unsigned>(price.high(at) >= target_at) * kReachedTarget |
                         static_cast<unsigned>(may_gap & (open >= target_at)) * kOpenedAtTarget |
                         static_cast<unsigned>(may_gap & (open <= stop_at)) * kOpenedAtStop |
                         static_cast<unsigned>(touched > last) * kOver;
    const Ending& ending = endings_[did];
    const auto k = static_cast<size_t>(batch_.decision[i]);
    const std::array<double, 4> prices{open, batch_.stop[i], batch_.target[i], price.close(at)};
    const double exit = prices[ending.price];
    if (ending.rule == Rule::kNone || !std::isfinite(exit)) [[unlikely]] {
      finish_alone<kEntry, kLong>(i);
      return;
    }
    const double r_gross = (exit - fill) / batch_.risk[i];
    double y = ending.y;
    if (options_.timeout == Timeout::kSign && touched > last) y = record_.label_of(Rule::kTimeout, r_gross);
    out.y[k] = y;
    out.t1[k] = at;
    out.exit[k] = kLong ? exit : -exit;
    out.r_gross[k] = r_gross;
    if (!out.r.empty()) {
      out.r[k] =
          r_gross - record_.cost(kEntry == Entry::kClose ? rows_[k] : batch_.first[i]) / batch_.risk[i];
    }
    out.status[k] = static_cast<uint8_t>(ending.status);
    out.rule[k] = static_cast<uint8_t>(ending.rule);
  }

  template <Entry kEntry, bool kLong>
  [[gnu::noinline]] void finish_alone(size_t i) {
    const auto k = static_cast<size_t>(batch_.decision[i]);
    Order order;
    order.entry_bar = batch_.first[i];
    order.last = batch_.last[i];
    order.fill = order.exit_quote = batch_.fill[i];
    order.stop = batch_.stop[i];
    order.target = batch_.target[i];
    order.risk = batch_.risk[i];
    record_.write<kEntry, kLong>(k, rows_[k], order, resolve<kEntry, kLong>(order));
  }

  // ---- one path at a time ----

  template <Entry kEntry, bool kLong>
  [[gnu::always_inline]] Outcome resolve(const Order& order) {
    const auto price = orders_.exit_quotes<kLong>();
    const double eps = 1e-9 * std::abs(order.fill);
    const double stop_at = order.stop + eps;
    const double target_at = order.target - eps;
    const int64_t last = order.last;
    Outcome out;
    int64_t j = order.entry_bar;

    const bool at_a_quote = options_.bid_ask || (kEntry == Entry::kRetest && !order.inside);
    if (at_a_quote && order.exit_quote <= stop_at) {
      out.gap(j, kEntry == Entry::kClose ? price.open(j) : order.exit_quote, Rule::kStopGap);
      return out;
    }
    if constexpr (kEntry != Entry::kClose) {  // the first bar's open is the fill, or comes before it
      const double low = price.low(j);
      const double reach = order.inside ? std::max(price.close(j), order.exit_quote) : price.high(j);
      if ((low <= stop_at) | (reach >= target_at)) {
        touch<kLong>(out, order, eps, j, low, reach);
        return out;
      }
      out.see(low, reach);
      ++j;
    }
    while (j <= last) {
      double best = out.best;
      double worst = out.worst;
      j = walk<kLong>(price.quotes, j, last, stop_at, target_at, best, worst);
      out.best = best;
      out.worst = worst;
      if (j > last) break;
      const double open = price.open(j);
      const double low = price.low(j);
      const double high = price.high(j);
      if (open <= stop_at) {
        out.gap(j, open, Rule::kStopGap);
        return out;
      }
      if (open >= target_at) {
        out.gap(j, options_.gap_target_at_open ? open : order.target, Rule::kTargetGap);
        return out;
      }
      if ((low <= stop_at) | (high >= target_at)) {
        touch<kLong>(out, order, eps, j, low, high);
        return out;
      }
      out.see(low, high);  // a price that is not a number reaches nothing
      ++j;
    }
    out.leave(last, price.close(last), Rule::kTimeout);
    if (options_.timeout == Timeout::kDrop) out.status = Status::kTimeoutDrop;
    if (!std::isfinite(out.exit)) out.status = Status::kMissing;
    return out;
  }

  // Bar j reaches a barrier, or both.
  template <bool kLong>
  [[gnu::always_inline]] void touch(Outcome& out, const Order& order, double eps, int64_t j, double low,
                                    double reach) {
    const bool stop_hit = low <= order.stop + eps;
    const bool target_hit = reach >= order.target - eps;
    const bool tied = stop_hit & target_hit;
    if (tied && options_.tie == Tie::kLower) {
      const Replay found =
          look_closer<kLong>(j, order.entry_bar, order.fill, order.stop, order.target, eps, order.inside);
      if (found.result != Replayed::kUndecided) {
        out.see(found.worst, found.best);
        out.leave(j, found.exit, rule_of(found.result));
        return;
      }
    }
    out.see(std::max(low, order.stop), std::min(reach, order.target));
    const bool stopped = stop_hit && !(tied && options_.tie == Tie::kTarget);
    const auto rule = static_cast<uint8_t>(stopped ? Rule::kStop : Rule::kTarget);
    // The rule of a tie stands two behind that of the barrier.
    out.leave(j, stopped ? order.stop : order.target, static_cast<Rule>(rule + (tied ? 2 : 0)));
    if (tied && options_.tie == Tie::kDrop) out.status = Status::kTieDrop;
  }

  // What the finer bars say about the tie on bar j.
  template <bool kLong>
  [[gnu::noinline]] Replay look_closer(int64_t j, int64_t entry_bar, double fill, double stop, double target,
                                       double eps, bool inside) {
    const auto i = static_cast<size_t>(j);
    Tied tied;
    tied.from_ns = bars_.ts_open[i];
    tied.to_ns = bars_.ts_close[i];
    tied.fill = fill;
    tied.stop = stop;
    tied.target = target;
    tied.eps = eps;
    tied.filled_inside = inside && j == entry_bar;
    tied.filled_at_open = !inside && j == entry_bar && options_.entry != Entry::kClose;
    tied.gap_target_at_open = options_.gap_target_at_open;
    if (options_.bid_ask) {
      tied.point = options_.point;
      // A long leaves at the bid, and needs the ask only on the bar of its fill, where it is known.
      tied.spread = std::isfinite(bars_.spread[i]) ? bars_.spread[i] : 0.0;
    }
    const Replay found = replay<kLong>(*options_.lower, tied);
    ++(found.result == Replayed::kUndecided ? record_.counts().fell_back : record_.counts().replayed);
    return found;
  }

  static Rule rule_of(Replayed result) {
    switch (result) {
      case Replayed::kStop:
        return Rule::kStop;
      case Replayed::kStopGap:
        return Rule::kStopGap;
      case Replayed::kTarget:
        return Rule::kTarget;
      case Replayed::kTargetGap:
        return Rule::kTargetGap;
      default:
        return Rule::kNone;
    }
  }

  const BarsView& bars_;
  std::span<const int64_t> rows_;
  const BarrierOptions& options_;
  Orders orders_;
  Record record_;
  FirstTouch first_touch_ = first_touch();
  std::array<Ending, 32> endings_;
  Batch batch_;
};

}  // namespace smctrain::labels::barrier
