#include "smctrain/features/series.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "smctrain/features/technical/windows.h"

namespace smctrain::features {
namespace {

// Far enough from overflow for every square and sum of prices.
constexpr double kOrdinaryPrice = 1e100;

// Asks the memory for the values of the next block, which arrive while this one is worked on.
void prefetch(std::span<const double> column, int64_t first, int n) {
  constexpr int kLine = 8;
  const int64_t end = std::min<int64_t>(static_cast<int64_t>(column.size()), first + n);
  for (int64_t t = first; t < end; t += kLine) __builtin_prefetch(column.data() + t);
}

double* append(Recent& recent, std::span<const double> column, int64_t first, int n) {
  double* block = recent.extend(n);
  prefetch(column, first + n, n);
  if (column.empty()) {
    std::fill_n(block, n, kNaN);
  } else {
    std::copy_n(column.data() + first, n, block);
  }
  return block;
}

}  // namespace

Series::Series(const std::vector<MachinePlan>& plans, const Settings& settings, int64_t bar_length_ns,
               const std::vector<std::string>& wanted, int most_bars)
    : no_spread_(static_cast<size_t>(most_bars), kNaN), atr_(settings.atr_is_sma) {
  const std::unordered_set<std::string_view> names(wanted.begin(), wanted.end());
  const auto is_wanted = [&](const ColumnInfo& column) { return names.contains(column.name); };
  std::vector<bool> is_stored;
  for (const auto& plan : plans) {
    if (std::none_of(plan.columns.begin(), plan.columns.end(), is_wanted)) continue;
    machines_.push_back(plan.make(settings, bar_length_ns));
    first_of_.push_back(columns_.size());
    for (const auto& column : machines_.back()->columns()) {
      columns_.push_back(&column);
      is_stored.push_back(is_wanted(column));
    }
  }
  const size_t stride = column_stride(most_bars);
  const auto count = static_cast<size_t>(std::count(is_stored.begin(), is_stored.end(), true));
  storage_.assign(count * stride, kNaN);
  double* next = storage_.data();
  for (const bool one : is_stored) {
    values_.push_back(one ? next : nullptr);
    if (one) next += stride;
  }
}

int Series::find(const std::string& name) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i]->name == name) return static_cast<int>(i);
  }
  return -1;
}

const Machine* Series::owner(const std::string& name) const {
  for (const auto& machine : machines_) {
    for (const auto& column : machine->columns()) {
      if (column.name == name) return machine.get();
    }
  }
  return nullptr;
}

void Series::take_bars(const BarsView& bars, int64_t first, Block& block) {
  const int n = block.n;
  const std::array<double*, 4> prices{append(open_, bars.open, first, n), append(high_, bars.high, first, n),
                                      append(low_, bars.low, first, n), append(close_, bars.close, first, n)};
  block.ts_open = bars.ts_open.data() + first;
  block.ts_close = bars.ts_close.data() + first;
  block.open = prices[0];
  block.high = prices[1];
  block.low = prices[2];
  block.close = prices[3];
  block.volume = append(volume_, bars.volume, first, n);
  block.spread = bars.spread.empty() ? no_spread_.data() : bars.spread.data() + first;
  if (std::all_of(prices.begin(), prices.end(),
                  [&](double* price) { return kernels().all_within(price, kOrdinaryPrice, n); })) {
    block.plain = plain_bars_ >= Block::kPast;
    plain_bars_ += n;
    return;
  }
  for (int i = 0; i < n; ++i) {
    bool finite = true;
    bool ordinary = true;
    for (const double* price : prices) {
      finite = finite && std::isfinite(price[i]);
      ordinary = ordinary && std::abs(price[i]) < kOrdinaryPrice;
    }
    if (!finite) {
      for (double* price : prices) price[i] = kNaN;
    }
    plain_bars_ = ordinary ? plain_bars_ + 1 : 0;
  }
}

void Series::advance_plain(const Block& block, double* atr, double* ema, double* rsi) {
  const int n = block.n;
  const double* close = block.close;
  BlockValues range;
  BlockValues gains;
  BlockValues losses;
  kernels().true_range(block.high, block.low, close, n, range);
  kernels().moves(close, n, gains, losses);
  WilderMean range_mean = atr_.wilder().mean();  // copies stay in registers
  WilderMean gain = rsi_.gain();
  WilderMean loss = rsi_.loss();
  EmaFirst mean = ema_;
  for (int i = 0; i < n; ++i) {
    atr[i] = range_mean.push<false>(range[i]);
    gains[i] = gain.push<false>(gains[i]);
    losses[i] = loss.push<false>(losses[i]);
    ema[i] = mean.push<false>(close[i]);
  }
  kernels().share_of_moves(gains, losses, n, rsi);
  atr_.wilder().mean() = range_mean;
  rsi_.gain() = gain;
  rsi_.loss() = loss;
  ema_ = mean;
  atr_.wilder().set_previous_close(close[n - 1]);
  rsi_.set_previous_close(close[n - 1]);
}

void Series::advance_context(Block& block) {
  double* atr = atr_values_.extend(block.n);
  double* atr_wilder = atr_wilder_values_.extend(block.n);
  double* ema = ema_values_.extend(block.n);
  double* rsi = rsi_values_.extend(block.n);
  if (block.plain) {
    advance_plain(block, atr_wilder, ema, rsi);
  } else {
    for (int i = 0; i < block.n; ++i) {
      atr_wilder[i] = atr_.wilder().push(block.bar(i));
      ema[i] = ema_.push(block.close[i]);
      rsi[i] = rsi_.push(block.close[i]);
    }
  }
  if (atr_.is_sma()) {
    for (int i = 0; i < block.n; ++i) atr[i] = atr_.push_sma(block.bar(i));
  } else {
    std::copy_n(atr_wilder, block.n, atr);
  }
  block.atr = atr;
  block.atr_wilder_14 = atr_wilder;
  block.ema_first_50 = ema;
  block.rsi_wilder_14 = rsi;
}

void Series::push_block(const BarsView& bars, int64_t first, int n) {
  Block block;
  block.n = n;
  block.row = row_;
  take_bars(bars, first, block);
  advance_context(block);
  for (size_t i = 0; i < machines_.size(); ++i) {
    machines_[i]->push_block(block, values_.data() + first_of_[i]);
  }
  n_ = n;
  row_ += n;
}

void Series::push(const Bar& bar) {
  const int32_t segment = 0;
  push_block(view_of(bar, segment), 0, 1);
}

void Series::reset() {
  n_ = 0;
  row_ = 0;
  plain_bars_ = 0;
  for (Recent* recent : {&open_, &high_, &low_, &close_, &volume_, &atr_values_, &atr_wilder_values_,
                         &ema_values_, &rsi_values_}) {
    recent->reset();
  }
  atr_.reset();
  ema_.reset();
  rsi_.reset();
  for (auto& machine : machines_) machine->reset();
}

}  // namespace smctrain::features
