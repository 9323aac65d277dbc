#include "smctrain/labels/triple_barrier.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/labels/horizon.h"

namespace smctrain::labels {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Prices as a long sees them: for a short all are negated, so that one rule serves both.
struct Oriented {
  double open, high, low, close;
};

Oriented orient(const BarsView& bars, int64_t j, int8_t side) {
  const auto i = static_cast<size_t>(j);
  if (side > 0) return {bars.open[i], bars.high[i], bars.low[i], bars.close[i]};
  return {-bars.open[i], -bars.low[i], -bars.high[i], -bars.close[i]};
}

struct Order {
  int64_t entry_bar = -1;
  double fill = kNaN, stop = kNaN, target = kNaN, risk = kNaN;
  bool inside = false;  // filled at the limit somewhere inside the entry bar
};

struct Outcome {
  int64_t bar = -1;
  double exit = kNaN;
  Rule rule = Rule::kNone;
  bool dropped = false;
  double best = -std::numeric_limits<double>::infinity();
  double worst = std::numeric_limits<double>::infinity();
};

class Resolver {
 public:
  Resolver(const BarsView& bars, const BarrierOptions& options) : bars_(bars), options_(options) {}

  int64_t window() const {
    return options_.entry == Entry::kRetest ? options_.wait + options_.horizon - 1 : options_.horizon;
  }

  Status place(int64_t t, int8_t side, Order& order) const {
    return options_.entry == Entry::kRetest ? place_retest(t, side, order) : place_market(t, side, order);
  }

  Outcome resolve(const Order& order, int8_t side) const {
    const double eps = 1e-9 * std::abs(order.fill);
    const int64_t last = order.entry_bar + options_.horizon - 1;
    Outcome out;
    const auto leave = [&](int64_t j, double exit, Rule rule) {
      out.bar = j;
      out.exit = exit;
      out.rule = rule;
    };
    const auto see = [&](double low, double high) {
      out.worst = std::min(out.worst, low);
      out.best = std::max(out.best, high);
    };
    for (int64_t j = order.entry_bar; j <= last; ++j) {
      const Oriented bar = orient(bars_, j, side);
      const bool first = j == order.entry_bar;
      if (first && options_.entry == Entry::kRetest && !order.inside && order.fill <= order.stop + eps) {
        leave(j, order.fill, Rule::kStopGap);
        see(order.fill, order.fill);
        return out;
      }
      if (!first || options_.entry == Entry::kClose) {
        if (bar.open <= order.stop + eps) {
          leave(j, bar.open, Rule::kStopGap);
          see(bar.open, bar.open);
          return out;
        }
        if (bar.open >= order.target - eps) {
          const double exit = options_.gap_target_at_open ? bar.open : order.target;
          leave(j, exit, Rule::kTargetGap);
          see(exit, exit);
          return out;
        }
      }
      const double reach = first && order.inside ? std::max(bar.close, order.fill) : bar.high;
      const bool stop_hit = bar.low <= order.stop + eps;
      const bool target_hit = reach >= order.target - eps;
      if (stop_hit || target_hit) {
        see(std::max(bar.low, order.stop), std::min(reach, order.target));
        if (stop_hit && target_hit) {
          const bool stopped = options_.tie != Tie::kTarget;
          leave(j, stopped ? order.stop : order.target, stopped ? Rule::kStopTie : Rule::kTargetTie);
          out.dropped = options_.tie == Tie::kDrop;
        } else if (stop_hit) {
          leave(j, order.stop, Rule::kStop);
        } else {
          leave(j, order.target, Rule::kTarget);
        }
        return out;
      }
      see(bar.low, reach);
      if (j == last) leave(j, bar.close, Rule::kTimeout);
    }
    return out;
  }

  double cost(int64_t t, const Order& order, int64_t& unknown) const {
    double cost = options_.fixed_cost;
    if (options_.point > 0.0 && !bars_.spread.empty()) {
      const double spread =
          bars_.spread[static_cast<size_t>(options_.entry == Entry::kClose ? t : order.entry_bar)];
      if (std::isfinite(spread)) {
        cost += spread * options_.point;
      } else {
        ++unknown;
      }
    }
    return cost;
  }

 private:
  double unit(int64_t t, double price) const {
    double distance = options_.scale.empty() ? 1.0 : options_.scale[static_cast<size_t>(t)];
    if (options_.relative) distance *= std::abs(price);
    return distance;
  }

  bool good_risk(int64_t t, double price, double risk) const {
    if (!std::isfinite(risk) || risk <= 0.0) return false;
    const double one = unit(t, price);
    if (options_.min_risk > 0.0 && !(risk >= options_.min_risk * one)) return false;
    return !(options_.max_risk > 0.0) || risk <= options_.max_risk * one;
  }

  Status place_market(int64_t t, int8_t side, Order& order) const {
    const bool at_close = options_.entry == Entry::kClose;
    const double fill = at_close ? orient(bars_, t, side).close : orient(bars_, t + 1, side).open;
    const double one = unit(t, fill);
    const double risk = options_.stop * one;
    const double gain = options_.rr > 0.0 ? options_.rr * risk : options_.target * one;
    if (!good_risk(t, fill, risk) || !std::isfinite(fill)) return Status::kBadRisk;
    order = {t + 1, fill, fill - risk, fill + gain, risk, false};
    return Status::kOk;
  }

  Status place_retest(int64_t t, int8_t side, Order& order) const {
    const auto i = static_cast<size_t>(t);
    const double limit = side * options_.limit[i];
    const double one = unit(t, limit);
    const double stop =
        options_.stop_price.empty() ? limit - options_.stop * one : side * options_.stop_price[i];
    const double risk = limit - stop;
    if (!good_risk(t, limit, risk)) return Status::kBadRisk;
    const double target = limit + (options_.rr > 0.0 ? options_.rr * risk : options_.target * one);
    if (!std::isfinite(target)) return Status::kBadRisk;
    const double eps = 1e-9 * std::abs(limit);
    for (int64_t j = t + 1; j <= t + options_.wait; ++j) {
      const Oriented bar = orient(bars_, j, side);
      if (bar.low > limit + eps) continue;
      const bool at_open = bar.open <= limit + eps;
      order = {j, at_open ? bar.open : limit, stop, target, risk, !at_open};
      return Status::kOk;
    }
    return Status::kUnfilled;
  }

  const BarsView& bars_;
  const BarrierOptions& options_;
};

void check(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
           const BarrierOptions& options) {
  const auto n = static_cast<size_t>(bars.size());
  if (options.horizon < 1) raise("InputError", "horizon must be at least 1, but is ", options.horizon, ".");
  if (!options.scale.empty() && options.scale.size() != n) {
    raise("InputError", "scale must have one value a bar (", n, "), but has ", options.scale.size(), ".");
  }
  if (options.entry == Entry::kRetest) {
    if (options.wait < 1) raise("InputError", "wait must be at least 1, but is ", options.wait, ".");
    if (options.limit.size() != n) {
      raise("InputError", "limit must have one price a bar (", n, "), but has ", options.limit.size(), ".");
    }
    if (!options.stop_price.empty() && options.stop_price.size() != n) {
      raise("InputError", "stop_price must have one price a bar (", n, "), but has ",
            options.stop_price.size(), ".");
    }
  }
  if (side.size() != rows.size()) {
    raise("InputError", "side must have one value a decision row (", rows.size(), "), but has ", side.size(),
          ".");
  }
  for (size_t k = 0; k < rows.size(); ++k) {
    if (rows[k] < 0 || rows[k] >= bars.size()) {
      raise("InputError", "rows must lie in 0..", bars.size() - 1, ", but entry ", k, " is ", rows[k], ".");
    }
    if (side[k] != 1 && side[k] != -1) {
      raise("InputError", "side must be +1 or -1, but entry ", k, " is ", static_cast<int>(side[k]), ".");
    }
  }
}

double label_of(const Outcome& out, double r_gross, const BarrierOptions& options) {
  switch (out.rule) {
    case Rule::kStop:
    case Rule::kStopGap:
    case Rule::kStopTie:
      return -1.0;
    case Rule::kTarget:
    case Rule::kTargetGap:
    case Rule::kTargetTie:
      return 1.0;
    default:
      break;
  }
  if (options.timeout == Timeout::kLoss) return -1.0;
  if (options.timeout == Timeout::kSign && std::abs(r_gross) > options.timeout_band) {
    return r_gross > 0.0 ? 1.0 : -1.0;
  }
  return 0.0;
}

}  // namespace

LabelColumns::LabelColumns(int64_t rows) {
  const auto n = static_cast<size_t>(rows);
  for (auto* column : {&y, &fill, &stop, &target, &risk, &exit, &r_gross, &r, &mfe_r, &mae_r})
    column->assign(n, kNaN);
  for (auto* column : {&t1, &entry_bar, &bars_held}) column->assign(n, -1);
  status.assign(n, static_cast<uint8_t>(Status::kOk));
  rule.assign(n, static_cast<uint8_t>(Rule::kNone));
}

LabelColumns triple_barrier(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
                            const BarrierOptions& options, const StopToken& stop) {
  check(bars, rows, side, options);
  LabelColumns out(static_cast<int64_t>(rows.size()));
  const Resolver resolver(bars, options);
  const auto segment_end = segment_ends(bars);
  // An absurd horizon or wait must not overflow: a window of n bars never fits anyway.
  const int64_t n = bars.size();
  const int64_t window =
      options.horizon > n || (options.entry == Entry::kRetest && options.wait > n) ? n : resolver.window();

  for (size_t k = 0; k < rows.size(); ++k) {
    if (k % 16384 == 0 && stop.stop_requested()) break;
    const int64_t t = rows[k];
    if (window > segment_end[static_cast<size_t>(t)] - t) {
      out.status[k] = static_cast<uint8_t>(Status::kOpen);
      continue;
    }
    Order order;
    const Status placed = resolver.place(t, side[k], order);
    out.status[k] = static_cast<uint8_t>(placed);
    if (placed == Status::kUnfilled) out.t1[k] = t + options.wait;
    if (placed != Status::kOk) continue;

    const Outcome result = resolver.resolve(order, side[k]);
    const double r_gross = (result.exit - order.fill) / order.risk;
    const bool timeout_drop = result.rule == Rule::kTimeout && options.timeout == Timeout::kDrop;
    if (result.dropped) out.status[k] = static_cast<uint8_t>(Status::kTieDrop);
    if (timeout_drop) out.status[k] = static_cast<uint8_t>(Status::kTimeoutDrop);
    if (!result.dropped && !timeout_drop) out.y[k] = label_of(result, r_gross, options);
    out.t1[k] = result.bar;
    out.entry_bar[k] = order.entry_bar;
    out.bars_held[k] = result.bar - order.entry_bar + 1;
    out.fill[k] = side[k] * order.fill;
    out.stop[k] = side[k] * order.stop;
    out.target[k] = side[k] * order.target;
    out.exit[k] = side[k] * result.exit;
    out.risk[k] = order.risk;
    out.rule[k] = static_cast<uint8_t>(result.rule);
    out.r_gross[k] = r_gross;
    out.r[k] = r_gross - resolver.cost(t, order, out.unknown_spreads) / order.risk;
    out.mfe_r[k] = (result.best - order.fill) / order.risk;
    out.mae_r[k] = (result.worst - order.fill) / order.risk;
  }
  return out;
}

}  // namespace smctrain::labels
