// Turns decisions into orders: the fill, the levels around it, and the quotes that both sides pay.
//
//   unit   one distance at row t in price
//   ask    bar prices are bids; asks lie one spread above where quotes are wanted
//
// O(1) an order; a retest looks for its fill over `wait` bars.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "smctrain/labels/barrier/path.h"
#include "smctrain/labels/barrier/windows.h"

namespace smctrain::labels::barrier {

class Orders {
 public:
  Orders(const BarsView& bars, const BarrierOptions& options)
      : bars_(bars), options_(options), windows_(bars, options) {
    bid_ = {bars.open.data(), bars.high.data(), bars.low.data(), bars.close.data()};
    ask_ = bid_;
    if (options.bid_ask) quote_asks();
  }
  Orders(const Orders&) = delete;  // `ask_` points into `asks_`
  Orders& operator=(const Orders&) = delete;

  const Quotes& bid() const { return bid_; }
  template <bool kLong>
  Oriented<kLong> exit_quotes() const {
    return {kLong ? bid_ : ask_};
  }

  // The order of decision k, at row t; or why there is none.
  template <Entry kEntry, bool kLong>
  [[gnu::always_inline]] Status place(size_t k, int64_t t, Order& order) const {
    const Status status = windows_.status<kEntry, kLong>(t);
    if (status != Status::kOk) return status;
    if constexpr (kEntry == Entry::kRetest) {
      return place_retest<kLong>(k, t, order);
    } else {
      constexpr bool at_close = kEntry == Entry::kClose;
      const auto entry = entry_quotes<kLong>();
      order.entry_bar = t + 1;
      order.last = windows_.last_exit(t + 1);
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
      if (at_close && windows_.session_over(t)) {
        return Status::kUnfilled;  // no bar is left before the trade would have to end
      }
      return Status::kOk;
    }
  }

 private:
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

  double ask_distance(int64_t j) const {
    return options_.bid_ask ? options_.point * bars_.spread[static_cast<size_t>(j)] : 0.0;
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
      order.last = windows_.last_exit(j);
      order.inside = !(open <= reached);
      order.fill = order.inside ? limit : open;
      order.exit_quote = options_.bid_ask ? order.fill - ask_distance(j) : order.fill;
      return Status::kOk;
    }
    return Status::kUnfilled;
  }

  void quote_asks() {
    const auto n = static_cast<size_t>(bars_.size());
    asks_.resize(4 * n);
    const std::span<const double> columns[] = {bars_.open, bars_.high, bars_.low, bars_.close};
    for (size_t c = 0; c < 4; ++c) {
      for (size_t i = 0; i < n; ++i) asks_[c * n + i] = columns[c][i] + options_.point * bars_.spread[i];
    }
    ask_ = {asks_.data(), asks_.data() + n, asks_.data() + 2 * n, asks_.data() + 3 * n};
  }

  const BarsView& bars_;
  const BarrierOptions& options_;
  Windows windows_;
  Quotes bid_, ask_;
  std::vector<double> asks_;
};

}  // namespace smctrain::labels::barrier
