#include "smctrain/features/engine.h"

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/features/technical/kernels.h"

namespace smctrain::features {
namespace {

std::vector<std::string> with_needs_of_alignment(std::vector<std::string> wanted) {
  if (std::find(wanted.begin(), wanted.end(), "htf_align_trend") != wanted.end())
    wanted.push_back("trend_bias_atr");
  return wanted;
}

}  // namespace

Engine::Engine(const EngineOptions& options)
    : computed_(computed_columns(options.base_length_ns, options.higher, options.settings)),
      derived_(options.columns, computed_->index, options.most_bars),
      base_(computed_->base, options.settings, options.base_length_ns,
            with_needs_of_alignment(derived_.sources()), options.most_bars),
      higher_stride_(column_stride(options.most_bars)),
      higher_settled_(static_cast<size_t>(options.most_bars)) {
  for (size_t i = 0; i < options.higher.size(); ++i) {
    higher_.emplace_back(options.higher[i], options.base_length_ns, computed_->higher[i], &derived_.sources(),
                         options.settings);
  }
  std::vector<const ColumnInfo*> all = base_.columns();
  const size_t base_count = all.size();
  for (const auto& timeframe : higher_) {
    for (const auto& column : timeframe.columns()) all.push_back(&column);
  }
  const auto alignment = alignment_columns(higher_);
  for (const auto& column : alignment) all.push_back(&column);
  std::unordered_map<std::string_view, size_t> place;
  for (size_t i = 0; i < all.size(); ++i) place.emplace(all[i]->name, i);
  higher_row_.assign(all.size() - base_count, kNaN);
  higher_values_.assign(higher_row_.size() * higher_stride_, kNaN);
  for (const auto& name : derived_.sources()) {
    const size_t at = place.at(name);
    if (at >= base_count) higher_wanted_.push_back(at - base_count);
  }
  const auto values_of = [&](size_t at) {
    return at < base_count ? base_.values(at) : higher_values_.data() + (at - base_count) * higher_stride_;
  };
  std::vector<const double*> used;
  for (const auto& name : derived_.used()) used.push_back(values_of(place.at(name)));
  derived_.bind(used);
  size_t which = 0;  // derived columns stand in the order of their names here
  for (const auto& name : options.columns) {
    const auto found = place.find(name);
    if (found != place.end()) {
      source_.push_back(values_of(found->second));
      selected_.push_back(*all[found->second]);
      wait_for({name, 0, 1}, *all[found->second]);
    } else {
      source_.push_back(derived_.values(which));
      selected_.push_back(derived_.columns()[which]);
      for (const auto& read : derived_.reads(which)) wait_for(read, *all[place.at(read.column)]);
      ++which;
    }
  }
  bias_at_ = base_.find("trend_bias_atr");
}

void Engine::wait_for(const Read& read, const ColumnInfo& column) {
  if (column.family == "higher") {
    for (auto& timeframe : higher_) timeframe.require(column.name, read.settles);
    higher_selected_ = true;
    higher_rows_ = std::max(higher_rows_, read.rows);
  } else if (column.settle != kForever) {
    settled_after_ = std::max(settled_after_, column.warmup + read.settles * column.settle + read.rows);
  }
}

bool Engine::push(const Bar& bar, int32_t segment, double* out) {
  uint8_t settled = 0;
  push_block(view_of(bar, segment), 0, 1, &settled);
  kernels().write_rows_double(source_.data(), static_cast<int>(source_.size()), 1, out, 0);
  return settled != 0;
}

void Engine::push_block(const BarsView& bars, int64_t first, int n, uint8_t* settled) {
  start_bars(bars, first, n);
  base_.push_block(bars, first, n);
  for (int i = 0; i < n; ++i) settled[i] = base_.rows() - n + i + 1 > settled_after_ ? 1 : 0;
  if (!higher_.empty()) push_higher_timeframes(bars, first, n);
  if (higher_selected_) settle_higher(n, settled);
  derived_.push_block(n);
}

// Rows wait for settled higher bars, and then for what is derived from them.
void Engine::settle_higher(int n, uint8_t* settled) {
  for (int i = 0; i < n; ++i) {
    higher_settled_rows_ = higher_settled_[static_cast<size_t>(i)] != 0 ? higher_settled_rows_ + 1 : 0;
    if (higher_settled_rows_ <= higher_rows_) settled[i] = 0;
  }
}

// The order of time, and a new segment.
void Engine::start_bars(const BarsView& bars, int64_t first, int n) {
  const int32_t segment = bars.segment[static_cast<size_t>(first)];
  bool in_order = !started_ || bars.ts_open[static_cast<size_t>(first)] > last_open_;
  const int64_t* opens = bars.ts_open.data() + first;
  for (int i = 1; i < n; ++i) in_order &= opens[i] > opens[i - 1];
  if (!in_order) {
    raise("InputError", "bars must come in order of time, but one opens no later than the bar before it.");
  }
  const bool restart = started_ && segment != segment_;
  if (restart) {
    base_.reset();
    derived_.reset();
    higher_settled_rows_ = 0;
  }
  if (restart || !started_) {
    for (auto& timeframe : higher_) timeframe.start_segment(bars[first], !started_);
  }
  started_ = true;
  segment_ = segment;
  last_open_ = bars.ts_open[static_cast<size_t>(first + n - 1)];
}

void Engine::push_higher_timeframes(const BarsView& bars, int64_t first, int n) {
  const double* bias = bias_at_ >= 0 ? base_.values(static_cast<size_t>(bias_at_)) : nullptr;
  for (int i = 0; i < n; ++i) {
    const Bar bar = bars[first + i];
    const double close = prices_are_finite(bar) ? bar.close : kNaN;
    double low = bias != nullptr ? bias[i] : kNaN;
    double high = low;
    double structure = 0.0;
    double block_confluence = 0.0;
    double gap_confluence = 0.0;
    bool has_settled = true;
    double* next = higher_row_.data();
    for (auto& timeframe : higher_) {
      timeframe.push_base(bar);
      timeframe.write(close, next);
      next += timeframe.columns().size();
      const double higher_bias = timeframe.trend_bias();
      low = std::isnan(low) || std::isnan(higher_bias) ? kNaN : std::min(low, higher_bias);
      high = std::isnan(high) || std::isnan(higher_bias) ? kNaN : std::max(high, higher_bias);
      structure += timeframe.structure();
      block_confluence += timeframe.confluence(0);
      gap_confluence += timeframe.confluence(1);
      has_settled = has_settled && timeframe.settled();
    }
    higher_settled_[static_cast<size_t>(i)] = has_settled ? 1 : 0;
    *next++ = std::isnan(low) ? kNaN : (low > 1.0 ? 1.0 : (high < -1.0 ? -1.0 : 0.0));
    if (higher_.front().has_structure()) {
      *next++ = structure;
      *next++ = block_confluence;
      *next++ = gap_confluence;
    }
    for (const size_t c : higher_wanted_)
      higher_values_[c * higher_stride_ + static_cast<size_t>(i)] = higher_row_[c];
  }
}

namespace {

// Bars of the segment of bar t from t on, at most a block.
int block_length(const BarsView& bars, int64_t t, int most_bars) {
  const int64_t end = std::min(bars.size(), t + most_bars);
  const int32_t segment = bars.segment[static_cast<size_t>(t)];
  int64_t next = t + 1;
  while (next < end && bars.segment[static_cast<size_t>(next)] == segment) ++next;
  return static_cast<int>(next - t);
}

template <class T>
void write_rows(const std::vector<const double*>& columns, int n, int64_t first, MatrixView<T> out) {
  const auto count = static_cast<int>(columns.size());
  if (count == 0) return;
  const auto write = [] {
    if constexpr (std::is_same_v<T, float>) {
      return kernels().write_rows_float;
    } else {
      return kernels().write_rows_double;
    }
  }();
  write(columns.data(), count, n, &out(first, 0), out.row_stride);
}

}  // namespace

template <class T>
void build_features(Engine& engine, const BarsView& base, const std::vector<BarsView>& higher,
                    MatrixView<T> out, uint8_t* settled) {
  std::vector<int64_t> next(higher.size(), 0);
  for (int64_t t = 0; t < base.size();) {
    const int n = block_length(base, t, engine.most_bars());
    const int64_t closed = base.ts_close[static_cast<size_t>(t + n - 1)];
    for (size_t i = 0; i < higher.size(); ++i) {
      if (!engine.higher(i).from_bars) continue;
      while (next[i] < higher[i].size() && higher[i].ts_close[static_cast<size_t>(next[i])] <= closed) {
        engine.push_higher(i, higher[i][next[i]], higher[i].segment[static_cast<size_t>(next[i])]);
        ++next[i];
      }
    }
    engine.push_block(base, t, n, settled + t);
    write_rows(engine.block_columns(), n, t, out);
    t += n;
  }
}

template void build_features<float>(Engine&, const BarsView&, const std::vector<BarsView>&, MatrixView<float>,
                                    uint8_t*);
template void build_features<double>(Engine&, const BarsView&, const std::vector<BarsView>&,
                                     MatrixView<double>, uint8_t*);

}  // namespace smctrain::features
