#include "smctrain/metrics/trading.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/base/rng.h"

namespace smctrain::metrics {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check(const TradeRecord& record) {
  for (size_t i = 0; i < record.take.size(); ++i) {
    if (record.take[i] == 0) continue;
    if (std::isinf(record.r_net[i]))
      raise("InputError", "r_net must be finite or NaN, but is infinite in row ", i, ".");
    if (std::isnan(record.r_net[i])) continue;
    if (record.t1[i] < record.t0[i]) {
      raise("InputError", "t1 must not lie before t0, but row ", i, " has t0 = ", record.t0[i],
            " and t1 = ", record.t1[i], ".");
    }
  }
}

// Rows of the trades taken, in order of t0.
std::vector<size_t> select(const TradeRecord& record, TradingMetrics& m) {
  std::vector<size_t> wanted;
  for (size_t i = 0; i < record.take.size(); ++i) {
    if (record.take[i] != 0) wanted.push_back(i);
  }
  m.candidates = static_cast<int64_t>(wanted.size());
  std::stable_sort(wanted.begin(), wanted.end(),
                   [&](size_t a, size_t b) { return record.t0[a] < record.t0[b]; });
  std::vector<size_t> taken;
  bool is_open = false;
  int64_t open_until = 0;
  for (const size_t row : wanted) {
    if (record.one_at_a_time && is_open && record.t0[row] < open_until) {
      ++m.skipped;
      continue;
    }
    if (std::isnan(record.r_net[row])) {
      ++m.unfilled;
      continue;
    }
    taken.push_back(row);
    is_open = true;
    open_until = record.t1[row];
  }
  return taken;
}

double drawdown(const TradeRecord& record, std::vector<size_t> taken) {
  std::stable_sort(taken.begin(), taken.end(),
                   [&](size_t a, size_t b) { return record.t1[a] < record.t1[b]; });
  double sum = 0.0;
  double peak = 0.0;
  double deepest = 0.0;
  for (const size_t row : taken) {
    sum += record.r_net[row];
    peak = std::max(peak, sum);
    deepest = std::max(deepest, peak - sum);
  }
  return deepest;
}

double exposure(const TradeRecord& record, const std::vector<size_t>& taken) {
  double first = std::numeric_limits<double>::infinity();
  double last = -first;
  for (size_t i = 0; i < record.take.size(); ++i) {
    if (std::isnan(record.r_net[i]) || record.t1[i] < record.t0[i]) continue;
    first = std::min(first, static_cast<double>(record.t0[i]));
    last = std::max(last, static_cast<double>(record.t1[i]));
  }
  if (!(last > first)) return kNaN;
  double open = 0.0;
  double until = first;
  for (const size_t row : taken) {  // in order of t0
    const auto end = static_cast<double>(record.t1[row]);
    if (end <= until) continue;
    open += end - std::max(until, static_cast<double>(record.t0[row]));
    until = end;
  }
  return open / (last - first);
}

}  // namespace

std::vector<int64_t> trades_taken(const TradeRecord& record) {
  check(record);
  TradingMetrics counts{};
  std::vector<int64_t> rows;
  for (const size_t row : select(record, counts)) rows.push_back(static_cast<int64_t>(row));
  return rows;
}

RandomEntries random_entries(const TradeRecord& record, int64_t min_shift, int64_t draws, uint64_t seed,
                             int threads, const StopToken& stop) {
  const auto n = static_cast<int64_t>(record.take.size());
  if (draws < 1) raise("InputError", "n_draws must be at least 1, but is ", draws, ".");
  if (min_shift < 1 || n < 2 * min_shift) {
    raise("TooFewRows", "random entries need at least ", 2 * std::max<int64_t>(min_shift, 1),
          " rows, but got ", n, ".");
  }
  std::vector<size_t> order(record.take.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return record.t0[a] < record.t0[b]; });
  // All rows in order of t0, once.
  std::vector<uint8_t> take;
  std::vector<double> r_net;
  std::vector<int64_t> t0;
  std::vector<int64_t> t1;
  for (const size_t row : order) {
    take.push_back(record.take[row]);
    r_net.push_back(record.r_net[row]);
    t0.push_back(record.t0[row]);
    t1.push_back(record.t1[row]);
  }
  {
    TradeRecord everything = record;
    const std::vector<uint8_t> all(take.size(), 1);
    everything.take = all;
    check(everything);
  }
  const int64_t shifts = n - 2 * min_shift + 1;
  const int64_t count = std::min(draws, shifts);
  RandomEntries result{std::vector<int64_t>(static_cast<size_t>(count)),
                       std::vector<double>(static_cast<size_t>(count)),
                       std::vector<double>(static_cast<size_t>(count))};
  parallel_for(count, threads, [&](int64_t draw) {
    if (stop.stop_requested()) return;
    int64_t shift = min_shift + draw;
    if (shifts > draws) {
      Philox stream(seed, "random_entries/" + std::to_string(draw));
      shift = min_shift + stream.below(shifts);
    }
    int64_t trades = 0;
    double total = 0.0;
    bool is_open = false;
    int64_t open_until = 0;
    for (int64_t i = 0; i < n; ++i) {
      const auto row = static_cast<size_t>(i);
      if (take[static_cast<size_t>(i >= shift ? i - shift : i - shift + n)] == 0 || std::isnan(r_net[row]))
        continue;
      if (record.one_at_a_time && is_open && t0[row] < open_until) continue;
      ++trades;
      total += r_net[row];
      is_open = true;
      open_until = t1[row];
    }
    const auto place = static_cast<size_t>(draw);
    result.trades[place] = trades;
    result.total_r[place] = total;
    result.expectancy_r[place] = trades > 0 ? total / static_cast<double>(trades) : kNaN;
  });
  return result;
}

TradingMetrics trading_metrics(const TradeRecord& record) {
  check(record);
  TradingMetrics m{0,    0,    0,    0,    kNaN, kNaN, kNaN, kNaN, kNaN,
                   kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN};
  const std::vector<size_t> taken = select(record, m);
  m.trades = static_cast<int64_t>(taken.size());
  if (!record.is_timeout.empty()) m.timeouts = 0.0;
  m.total_r = 0.0;
  m.max_drawdown_r = 0.0;
  m.exposure = exposure(record, taken);
  if (!record.take.empty()) {
    m.turnover = 2.0 * static_cast<double>(taken.size()) / static_cast<double>(record.take.size());
  }
  if (!record.r_gross.empty()) m.total_cost_r = 0.0;
  if (taken.empty()) return m;

  const auto n = static_cast<double>(taken.size());
  double gains = 0.0;
  double losses = 0.0;
  double wins = 0.0;
  double losers = 0.0;
  double bars = 0.0;
  double costs = 0.0;
  for (const size_t row : taken) {
    const double r = record.r_net[row];
    (r > 0.0 ? gains : losses) += r;
    wins += r > 0.0 ? 1.0 : 0.0;
    losers += r < 0.0 ? 1.0 : 0.0;
    bars += static_cast<double>(record.bars_held.empty() ? record.t1[row] - record.t0[row]
                                                         : record.bars_held[row]);
    if (!record.r_gross.empty()) costs += record.r_gross[row] - r;
    if (!record.is_timeout.empty() && record.is_timeout[row] != 0) m.timeouts += 1.0;
  }
  m.total_r = gains + losses;
  m.win_rate = wins / n;
  m.expectancy_r = m.total_r / n;
  m.mean_bars_held = bars / n;
  m.max_drawdown_r = drawdown(record, taken);
  if (losses < 0.0) m.profit_factor = gains / -losses;
  if (wins > 0.0 && losers > 0.0) {
    const double gain = gains / wins;
    const double loss = -losses / losers;
    m.break_even_realised = loss / (gain + loss);
  }
  if (!record.r_gross.empty()) {
    m.mean_cost_r = costs / n;
    m.total_cost_r = costs;
  }
  if (record.reward_risk > 0.0) {
    m.break_even = (1.0 + (record.r_gross.empty() ? 0.0 : m.mean_cost_r)) / (1.0 + record.reward_risk);
  }
  if (taken.size() > 1) {
    double squares = 0.0;
    for (const size_t row : taken) {
      const double distance = record.r_net[row] - m.expectancy_r;
      squares += distance * distance;
    }
    const double deviation = std::sqrt(squares / (n - 1.0));
    const bool varies = std::any_of(taken.begin(), taken.end(),
                                    [&](size_t row) { return record.r_net[row] != record.r_net[taken[0]]; });
    if (varies && deviation > 0.0) m.sharpe_per_trade = m.expectancy_r / deviation;
  }
  return m;
}

}  // namespace smctrain::metrics
