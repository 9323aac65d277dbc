#include "smctrain/labels/triple_barrier.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/labels/first_touch.h"
#include "smctrain/labels/horizon.h"
#include "smctrain/labels/replay.h"

namespace smctrain::labels {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Columns of prices on one side of the market.
struct Quotes {
  const double* open = nullptr;
  const double* high = nullptr;
  const double* low = nullptr;
  const double* close = nullptr;
};

// The same as a long sees them: for a short all are negated, so that one rule serves both.
template <bool kLong>
struct Oriented {
  Quotes quotes;
  double open(int64_t j) const { return kLong ? quotes.open[j] : -quotes.open[j]; }
  double high(int64_t j) const { return kLong ? quotes.high[j] : -quotes.low[j]; }
  double low(int64_t j) const { return kLong ? quotes.low[j] : -quotes.high[j]; }
  double close(int64_t j) const { return kLong ? quotes.close[j] : -quotes.close[j]; }
};

struct Order {
  int64_t entry_bar = -1, last = -1;  // bars of the fill and of the last possible exit
  double fill = kNaN, stop = kNaN, target = kNaN, risk = kNaN;
  double exit_quote = kNaN;  // what the trade would fetch at the moment of its fill
  bool inside = false;       // filled at the limit somewhere inside the entry bar
};

struct Outcome {
  int64_t bar = -1;
  double exit = kNaN;
  Rule rule = Rule::kNone;
  Status status = Status::kOk;
  double best = -kInfinity;
  double worst = kInfinity;

  void leave(int64_t at, double price, Rule why) {
    bar = at;
    exit = price;
    rule = why;
  }
  void see(double low, double high) {
    worst = std::min(worst, low);
    best = std::max(best, high);
  }
  // Leaves at a price that gapped there: nothing else of the bar counts.
  void gap(int64_t at, double price, Rule why) {
    leave(at, price, why);
    see(price, price);
  }
};

// What ends a trade on a bar, by what the bar did: bits of `Labeller::finish`.
enum Did : unsigned {
  kReachedStop = 1,
  kReachedTarget = 2,
  kOpenedAtTarget = 4,
  kOpenedAtStop = 8,
  kOver = 16
};

struct Ending {
  enum Price : uint8_t { kOpen, kStop, kTarget, kClose };
  double y = kNaN;
  Rule rule = Rule::kNone;  // kNone: not for the table to say
  Status status = Status::kOk;
  Price price = kOpen;
};

std::array<Ending, 32> endings(const BarrierOptions& options) {
  std::array<Ending, 32> out;
  for (unsigned did = 1; did < out.size(); ++did) {
    Ending& end = out[did];
    const bool tied = (did & kReachedStop) != 0 && (did & kReachedTarget) != 0;
    if ((did & kOver) != 0) {
      end = {options.timeout == Timeout::kLoss ? -1.0 : 0.0, Rule::kTimeout, Status::kOk, Ending::kClose};
      if (options.timeout == Timeout::kDrop) end.status = Status::kTimeoutDrop;
    } else if ((did & kOpenedAtStop) != 0) {
      end = {-1.0, Rule::kStopGap, Status::kOk, Ending::kOpen};
    } else if ((did & kOpenedAtTarget) != 0) {
      end = {1.0, Rule::kTargetGap, Status::kOk,
             options.gap_target_at_open ? Ending::kOpen : Ending::kTarget};
    } else if (tied && options.tie == Tie::kLower) {
      continue;
    } else if ((did & kReachedStop) != 0 && !(tied && options.tie == Tie::kTarget)) {
      end = {-1.0, tied ? Rule::kStopTie : Rule::kStop, Status::kOk, Ending::kStop};
      if (tied && options.tie == Tie::kDrop) end.status = Status::kTieDrop;
    } else {
      end = {1.0, tied ? Rule::kTargetTie : Rule::kTarget, Status::kOk, Ending::kTarget};
    }
    if (end.status != Status::kOk) end.y = kNaN;
  }
  return out;
}

// Orders of a few decisions whose paths are searched together.
struct Batch {
  static constexpr size_t kSize = 256;
  std::array<double, kSize> fill, stop, target, risk, below, above;
  std::array<int64_t, kSize> decision, first, last, touched;
  size_t count = 0;
};

// First bar from j to last at which the open, high or low may have reached a level; last + 1 without one. A
// price that is not a number stops the walk too. best and worst are the extremes of the bars before. On its
// own, so that all it needs stays in registers.
template <bool kLong>
[[gnu::noinline]] int64_t walk(const Quotes& quotes, int64_t j, int64_t last, double stop_at,
                               double target_at, double& best, double& worst) {
  const Oriented<kLong> price{quotes};
  double highest = best;
  double lowest = worst;
  for (; j <= last; ++j) {
    const double open = price.open(j);
    const double low = price.low(j);
    const double high = price.high(j);
    if (!(std::min(open, low) > stop_at)) break;
    if (!(std::max(open, high) < target_at)) break;
    lowest = std::min(lowest, low);
    highest = std::max(highest, high);
  }
  best = highest;
  worst = lowest;
  return j;
}

// Number of marked bars before every row.
template <class Marked>
std::vector<int64_t> count_before(int64_t n, Marked&& marked) {
  std::vector<int64_t> before(static_cast<size_t>(n) + 1, 0);
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) before[i + 1] = before[i] + (marked(i) ? 1 : 0);
  return before;
}

bool any_between(const std::vector<int64_t>& before, int64_t first, int64_t last) {
  return before[static_cast<size_t>(last + 1)] > before[static_cast<size_t>(first)];
}

bool never_decreases(std::span<const int32_t> ids) {
  if (ids.size() < 2) return true;
  // One unbroken stretch, the usual case, by the fastest comparison there is.
  if (std::memcmp(ids.data(), ids.data() + 1, (ids.size() - 1) * sizeof(int32_t)) == 0) return true;
  return std::is_sorted(ids.begin(), ids.end());
}

class Labeller {
 public:
  Labeller(const BarsView& bars, std::span<const int64_t> rows, const BarrierOptions& options,
           const LabelColumns& out)
      : bars_(bars), rows_(rows), options_(options), out_(out), n_(bars.size()) {
    const bool retest = options.entry == Entry::kRetest;
    // An absurd horizon or wait must not overflow: a window of n bars never fits anyway.
    const bool absurd = options.horizon > n_ || (retest && options.wait > n_);
    window_ = absurd ? n_ : (retest ? options.wait + options.horizon - 1 : options.horizon);
    bid_ = {bars.open.data(), bars.high.data(), bars.low.data(), bars.close.data()};
    ask_ = bid_;
    if (options.bid_ask) {
      quote_asks();
      unknown_before_ = count_before(n_, [&](size_t i) { return !std::isfinite(bars_.spread[i]); });
    }
    if (!never_decreases(bars.segment)) segment_end_ = segment_ends(bars);
    if (!options.session.empty()) session_end_ = session_ends();
    if (!options.quarantine.empty()) {
      quarantined_before_ = count_before(n_, [&](size_t i) { return options_.quarantine[i] != 0; });
    }
    endings_ = endings(options);
  }

  // Whether `label_batch` may stand for `label`: it knows bars that are their own quotes, and no excursions.
  bool batches() const { return !options_.bid_ask && options_.entry != Entry::kRetest && out_.mfe_r.empty(); }

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
    first_touch_(bid_.open, bid_.high, bid_.low, n_, paths, batch_.touched.data());
    for (size_t i = 0; i < batch_.count; ++i) {
      if (side[static_cast<size_t>(batch_.decision[i])] > 0) {
        finish<kEntry, true>(i);
      } else {
        finish<kEntry, false>(i);
      }
    }
  }

  template <Entry kEntry, bool kLong>
  void label(size_t k) {
    const int64_t t = rows_[k];
    Status status = window_status<kEntry, kLong>(t);
    Order order;
    if (status == Status::kOk) status = place<kEntry, kLong>(k, t, order);
    if (status != Status::kOk) {
      write_nothing(k, status,
                    kEntry == Entry::kRetest && status == Status::kUnfilled ? t + options_.wait : -1);
      return;
    }
    write<kEntry, kLong>(k, t, order, resolve<kEntry, kLong>(order));
  }

  [[gnu::noinline]] void write_nothing(size_t k, Status status, int64_t t1) {
    for (const auto& column : {out_.y, out_.fill, out_.stop, out_.target, out_.risk, out_.risk_scale,
                               out_.exit, out_.r_gross, out_.r, out_.mfe_r, out_.mae_r}) {
      if (!column.empty()) column[k] = kNaN;
    }
    for (const auto& column : {out_.entry_bar, out_.bars_held}) {
      if (!column.empty()) column[k] = -1;
    }
    out_.t1[k] = t1;
    out_.status[k] = static_cast<uint8_t>(status);
    out_.rule[k] = static_cast<uint8_t>(Rule::kNone);
  }

  const LabelCounts& counts() const { return counts_; }

 private:
  // ---- before the order ----

  template <Entry kEntry, bool kLong>
  Status window_status(int64_t t) const {
    const int64_t end = window_ > n_ - 1 - t ? n_ : t + window_;  // n_: does not fit
    if (!quarantined_before_.empty() && any_between(quarantined_before_, t, std::min(end, n_ - 1))) {
      return Status::kQuarantine;
    }
    if (end == n_) return Status::kOpen;
    if (!segment_end_.empty()) {
      if (end > segment_end_[static_cast<size_t>(t)]) return Status::kOpen;
    } else if (!bars_.segment.empty() &&
               bars_.segment[static_cast<size_t>(t)] != bars_.segment[static_cast<size_t>(end)]) {
      return Status::kOpen;
    }
    if (!unknown_before_.empty()) {
      // The bars whose ask the trade may need: a long at its fill, a short until its end.
      int64_t first = t + 1;
      int64_t last = end;
      if (kLong) {
        if (kEntry == Entry::kNextOpen) last = first;
        if (kEntry == Entry::kClose) first = last = t;
        if (kEntry == Entry::kRetest) last = t + options_.wait;
      }
      if (any_between(unknown_before_, first, last)) return Status::kMissing;
    }
    return Status::kOk;
  }

  void quote_asks() {
    const auto n = static_cast<size_t>(n_);
    asks_.resize(4 * n);
    const std::span<const double> columns[] = {bars_.open, bars_.high, bars_.low, bars_.close};
    for (size_t c = 0; c < 4; ++c) {
      for (size_t i = 0; i < n; ++i) asks_[c * n + i] = columns[c][i] + options_.point * bars_.spread[i];
    }
    ask_ = {asks_.data(), asks_.data() + n, asks_.data() + 2 * n, asks_.data() + 3 * n};
  }

  // Last row of every row's session, as far as the bars go.
  std::vector<int64_t> session_ends() const {
    std::vector<int64_t> end(static_cast<size_t>(n_), n_ - 1);
    for (int64_t t = n_ - 2; t >= 0; --t) {
      const auto i = static_cast<size_t>(t);
      end[i] = options_.session[i] != options_.session[i + 1] ? t : end[i + 1];
    }
    return end;
  }

  // ---- the order ----

  double unit(int64_t t, double price) const {
    double distance = options_.scale.empty() ? 1.0 : options_.scale[static_cast<size_t>(t)];
    if (options_.relative) distance *= std::abs(price);
    return distance;
  }

  bool good_risk(double risk, double one) const {
    if (!(risk > 0.0 && risk < kInfinity)) return false;
    if (options_.min_risk > 0.0 && !(risk >= options_.min_risk * one)) return false;
    return !(options_.max_risk > 0.0) || risk <= options_.max_risk * one;
  }

  template <bool kLong>
  Oriented<kLong> entry_quotes() const {
    return {kLong ? ask_ : bid_};
  }
  template <bool kLong>
  Oriented<kLong> exit_quotes() const {
    return {kLong ? bid_ : ask_};
  }

  double ask_distance(int64_t j) const {
    return options_.bid_ask ? options_.point * bars_.spread[static_cast<size_t>(j)] : 0.0;
  }

  template <Entry kEntry, bool kLong>
  [[gnu::always_inline]] Status place(size_t k, int64_t t, Order& order) const {
    if constexpr (kEntry == Entry::kRetest) {
      return place_retest<kLong>(k, t, order);
    } else {
      constexpr bool at_close = kEntry == Entry::kClose;
      const auto entry = entry_quotes<kLong>();
      order.entry_bar = t + 1;
      order.last = last_exit(t + 1);
      order.fill = at_close ? entry.close(t) : entry.open(t + 1);
      order.exit_quote = options_.bid_ask ? order.fill - ask_distance(at_close ? t : t + 1) : order.fill;
      const double one = unit(t, order.fill);
      if (options_.stop_price.empty()) {
        order.risk = options_.stop * one;
        order.stop = order.fill - order.risk;
      } else {
        order.stop = kLong ? options_.stop_price[k] : -options_.stop_price[k];
        order.risk = order.fill - order.stop;
      }
      order.target = order.fill + (options_.rr > 0.0 ? options_.rr * order.risk : options_.target * one);
      if (!good_risk(order.risk, one) || !std::isfinite(order.fill)) return Status::kBadRisk;
      if (at_close && !session_end_.empty() && session_end_[static_cast<size_t>(t)] == t) {
        return Status::kUnfilled;  // no bar is left before the trade would have to end
      }
      return Status::kOk;
    }
  }

  template <bool kLong>
  [[gnu::always_inline]] Status place_retest(size_t k, int64_t t, Order& order) const {
    const double limit = kLong ? options_.limit[k] : -options_.limit[k];
    const double one = unit(t, limit);
    order.stop = options_.stop_price.empty() ? limit - options_.stop * one
                                             : (kLong ? options_.stop_price[k] : -options_.stop_price[k]);
    order.risk = limit - order.stop;
    if (!good_risk(order.risk, one)) return Status::kBadRisk;
    order.target = limit + (options_.rr > 0.0 ? options_.rr * order.risk : options_.target * one);
    if (!std::isfinite(order.target)) return Status::kBadRisk;
    const double reached = limit + 1e-9 * std::abs(limit);
    const auto entry = entry_quotes<kLong>();
    for (int64_t j = t + 1; j <= t + options_.wait; ++j) {
      if (!(entry.low(j) <= reached)) continue;  // a price that is not a number fills nothing
      const double open = entry.open(j);
      order.entry_bar = j;
      order.last = last_exit(j);
      order.inside = !(open <= reached);
      order.fill = order.inside ? limit : open;
      order.exit_quote = options_.bid_ask ? order.fill - ask_distance(j) : order.fill;
      return Status::kOk;
    }
    return Status::kUnfilled;
  }

  // Last bar of a trade filled on a bar.
  int64_t last_exit(int64_t entry_bar) const {
    const int64_t last = entry_bar + options_.horizon - 1;
    return session_end_.empty() ? last : std::min(last, session_end_[static_cast<size_t>(entry_bar)]);
  }

  // ---- many paths at a time ----

  // Adds the order of decision k to the batch, if there is one.
  template <Entry kEntry, bool kLong>
  [[gnu::always_inline]] void enter(size_t k) {
    const int64_t t = rows_[k];
    Order order;
    Status status = window_status<kEntry, kLong>(t);
    if (status == Status::kOk) status = place<kEntry, kLong>(k, t, order);
    if (status != Status::kOk) {
      write_nothing(k, status, -1);
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
  [[gnu::always_inline]] void finish(size_t i) {
    const auto price = exit_quotes<kLong>();
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
    if (ending.rule == Rule::kNone || !std::isfinite(exit)) {
      Order order;
      order.entry_bar = batch_.first[i];
      order.last = last;
      order.fill = order.exit_quote = fill;
      order.stop = batch_.stop[i];
      order.target = batch_.target[i];
      order.risk = batch_.risk[i];
      write<kEntry, kLong>(k, rows_[k], order, resolve<kEntry, kLong>(order));
      return;
    }
    const double r_gross = (exit - fill) / batch_.risk[i];
    double y = ending.y;
    if (options_.timeout == Timeout::kSign && touched > last) y = label_of(Rule::kTimeout, r_gross);
    out_.y[k] = y;
    out_.t1[k] = at;
    out_.exit[k] = kLong ? exit : -exit;
    out_.r_gross[k] = r_gross;
    if (!out_.r.empty()) {
      out_.r[k] = r_gross - cost(kEntry == Entry::kClose ? rows_[k] : batch_.first[i]) / batch_.risk[i];
    }
    out_.status[k] = static_cast<uint8_t>(ending.status);
    out_.rule[k] = static_cast<uint8_t>(ending.rule);
  }

  // ---- one path at a time ----

  template <Entry kEntry, bool kLong>
  [[gnu::always_inline]] Outcome resolve(const Order& order) {
    const auto price = exit_quotes<kLong>();
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
    ++(found.result == Replayed::kUndecided ? counts_.fell_back : counts_.replayed);
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

  // ---- the record ----

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
    out_.status[k] = static_cast<uint8_t>(status);
    out_.rule[k] = static_cast<uint8_t>(result.rule);
    out_.y[k] = status == Status::kOk ? label_of(result.rule, r_gross) : kNaN;
    out_.t1[k] = result.bar;
    out_.exit[k] = kLong ? result.exit : -result.exit;
    out_.r_gross[k] = r_gross;
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

  const BarsView& bars_;
  std::span<const int64_t> rows_;
  const BarrierOptions& options_;
  LabelColumns out_;
  int64_t n_;
  int64_t window_ = 0;
  Quotes bid_, ask_;
  std::vector<double> asks_;
  std::vector<int64_t> segment_end_;  // only where segments are not in order
  std::vector<int64_t> session_end_, quarantined_before_, unknown_before_;
  FirstTouch first_touch_ = first_touch();
  std::array<Ending, 32> endings_;
  Batch batch_;
  LabelCounts counts_;
};

void check_length(const char* name, size_t found, size_t wanted, const char* what) {
  if (found == wanted) return;
  raise("InputError", name, " must have one value a ", what, " (", wanted, "), but has ", found, ".");
}

void check(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
           const BarrierOptions& options, const LabelColumns& out) {
  const auto n = static_cast<size_t>(bars.size());
  if (options.horizon < 1) raise("InputError", "horizon must be at least 1, but is ", options.horizon, ".");
  if (!options.scale.empty()) check_length("scale", options.scale.size(), n, "bar");
  if (!options.session.empty()) check_length("session", options.session.size(), n, "bar");
  if (!options.quarantine.empty()) check_length("quarantine", options.quarantine.size(), n, "bar");
  if (options.bid_ask) {
    check_length("spread", bars.spread.size(), n, "bar");
    if (!(options.point > 0.0)) raise("InputError", "point must be above 0, but is ", options.point, ".");
  }
  if (options.entry == Entry::kRetest) {
    if (options.wait < 1) raise("InputError", "wait must be at least 1, but is ", options.wait, ".");
    check_length("limit", options.limit.size(), rows.size(), "decision row");
  }
  if (!options.stop_price.empty()) {
    check_length("stop_price", options.stop_price.size(), rows.size(), "decision row");
  }
  if (options.tie == Tie::kLower) {
    if (options.lower == nullptr) raise("InputError", "tie at the lower timeframe needs its bars.");
    check_length("ts_open", bars.ts_open.size(), n, "bar");
    check_length("ts_close", bars.ts_close.size(), n, "bar");
  }
  check_length("side", side.size(), rows.size(), "decision row");
  check_length("out", out.y.size(), rows.size(), "decision row");
  for (size_t k = 0; k < rows.size(); ++k) {
    if (rows[k] < 0 || rows[k] >= bars.size()) {
      raise("InputError", "rows must lie in 0..", bars.size() - 1, ", but entry ", k, " is ", rows[k], ".");
    }
    if (side[k] != 1 && side[k] != -1) {
      raise("InputError", "side must be +1 or -1, but entry ", k, " is ", static_cast<int>(side[k]), ".");
    }
  }
}

template <Entry kEntry>
LabelCounts run(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
                const BarrierOptions& options, const LabelColumns& out, const StopToken& stop) {
  constexpr size_t kBlock = 16384;
  Labeller labeller(bars, rows, options, out);
  for (size_t begin = 0; begin < rows.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, rows.size());
    if (stop.stop_requested()) {
      for (size_t k = begin; k < rows.size(); ++k) labeller.write_nothing(k, Status::kOpen, -1);
      break;
    }
    if (labeller.batches()) {
      for (size_t k = begin; k < end; k += Batch::kSize) {
        labeller.template label_batch<kEntry>(side, k, std::min(k + Batch::kSize, end));
      }
      continue;
    }
    for (size_t k = begin; k < end; ++k) {
      if (side[k] > 0) {
        labeller.label<kEntry, true>(k);
      } else {
        labeller.label<kEntry, false>(k);
      }
    }
  }
  return labeller.counts();
}

}  // namespace

LabelTable::LabelTable(size_t size) : numbers_(11 * size), rows_(3 * size), codes_(2 * size) {
  size_t column = 0;
  for (auto* of : {&y, &fill, &stop, &target, &risk, &risk_scale, &exit, &r_gross, &r, &mfe_r, &mae_r}) {
    *of = {numbers_.data() + size * column++, size};
  }
  column = 0;
  for (auto* of : {&t1, &entry_bar, &bars_held}) *of = {rows_.data() + size * column++, size};
  column = 0;
  for (auto* of : {&status, &rule}) *of = {codes_.data() + size * column++, size};
}

LabelCounts triple_barrier(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
                           const BarrierOptions& options, const LabelColumns& out, const StopToken& stop) {
  check(bars, rows, side, options, out);
  switch (options.entry) {
    case Entry::kClose:
      return run<Entry::kClose>(bars, rows, side, options, out, stop);
    case Entry::kRetest:
      return run<Entry::kRetest>(bars, rows, side, options, out, stop);
    default:
      return run<Entry::kNextOpen>(bars, rows, side, options, out, stop);
  }
}

}  // namespace smctrain::labels
