#include "smctrain/features/engine.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/features/registry.h"
#include "smctrain/features/technical/kernels.h"

namespace smctrain::features {
namespace {

std::vector<std::string> with_needs_of_alignment(std::vector<std::string> wanted) {
  if (std::find(wanted.begin(), wanted.end(), "htf_align_trend") != wanted.end())
    wanted.push_back("trend_bias_atr");
  return wanted;
}

// Combinations of all higher timeframes. Their start shows as long as that of the slowest one.
std::vector<ColumnInfo> alignment_columns(const std::vector<HigherTimeframe>& higher) {
  std::vector<ColumnInfo> columns;
  if (higher.empty()) return columns;
  const auto combined = [&](const std::string& suffix, const char* name, const char* unit,
                            const char* definition) {
    ColumnInfo column{name,      "higher", unit, "feature", kForever, 0, 0, "close of the slowest higher bar",
                      definition};
    for (const auto& timeframe : higher) {
      for (const auto& part : timeframe.columns()) {
        if (!part.name.ends_with(suffix)) continue;
        column.warmup = std::max(column.warmup, part.warmup);
        column.settle = column.settle == kForever || part.settle == kForever
                            ? kForever
                            : std::max(column.settle, part.settle);
      }
    }
    columns.push_back(std::move(column));
  };
  combined("_trend_bias_atr", "htf_align_trend", "flag",
           "+1 if the bias of the base and of every higher timeframe is > 1, -1 if all are < -1, else 0");
  if (higher.front().has_structure()) {
    combined("_ms_dir", "htf_align_struct", "count", "sum of ms_dir over the higher timeframes");
    const char* meaning =
        "higher timeframes with a bullish zone within 0.5 ATR of the base close, minus those with a bearish "
        "one";
    combined("_ob_bull_dist_atr", "htf_ob_conf", "count", meaning);
    combined("_fvg_bull_dist_atr", "htf_fvg_conf", "count", meaning);
  }
  return columns;
}

std::vector<CatalogueEntry> computed_entries(int64_t base_length_ns, const std::vector<HigherSpec>& higher,
                                             const Settings& settings) {
  std::vector<CatalogueEntry> entries;
  for (const auto& machine : make_base_machines(settings, base_length_ns)) {
    for (const auto& column : machine->columns())
      entries.push_back({column, in_default_preset(column), column.role == "feature"});
  }
  std::vector<HigherTimeframe> timeframes;
  for (const auto& spec : higher) timeframes.emplace_back(spec, base_length_ns, nullptr, settings);
  for (const auto& timeframe : timeframes) {
    // Where the zones lie reaches the default set through the two confluence counts; bars since the close are
    // clock.
    for (const auto& column : timeframe.columns()) {
      const bool is_zone = column.name.ends_with("_dist_atr");
      entries.push_back({column, !is_zone && !column.name.ends_with("_age")});
    }
  }
  for (const auto& column : alignment_columns(timeframes)) entries.push_back({column, true});
  return entries;
}

std::vector<ColumnInfo> columns_of(const std::vector<CatalogueEntry>& entries) {
  std::vector<ColumnInfo> columns;
  for (const auto& entry : entries) columns.push_back(entry.column);
  return columns;
}

DerivedColumns make_derived(const EngineOptions& options) {
  const auto entries = computed_entries(options.base_length_ns, options.higher, options.settings);
  return {options.columns, columns_of(entries), kBlockBars};
}

size_t index_of(const std::string& name, const std::vector<ColumnInfo>& columns) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const ColumnInfo& column) { return column.name == name; });
  return static_cast<size_t>(found - columns.begin());
}

}  // namespace

std::vector<CatalogueEntry> catalogue(int64_t base_length_ns, const std::vector<HigherSpec>& higher,
                                      const Settings& settings, const std::vector<AskedColumns>& asked) {
  auto entries = computed_entries(base_length_ns, higher, settings);
  const auto computed = columns_of(entries);
  const ColumnIndex known(computed);
  auto preset = full_preset_derived();
  // Not every length of bar and every setting has all sources.
  std::erase_if(preset, [&](const std::string& name) { return !parse_column(name, known).problem.empty(); });
  std::vector<AskedColumns> derived{{"preset", preset}};
  derived.insert(derived.end(), asked.begin(), asked.end());
  for (const auto& column : derived_columns(derived, computed)) {
    const bool is_preset = std::find(preset.begin(), preset.end(), column.name) != preset.end();
    entries.push_back({column, false, is_preset});
  }
  return entries;
}

Engine::Engine(const EngineOptions& options)
    : derived_(make_derived(options)),
      base_(make_base_machines(options.settings, options.base_length_ns),
            with_needs_of_alignment(derived_.sources()), options.settings),
      higher_settled_(kBlockBars) {
  for (const auto& spec : options.higher)
    higher_.emplace_back(spec, options.base_length_ns, &derived_.sources(), options.settings);
  std::vector<ColumnInfo> all = base_.columns();
  const size_t base_count = all.size();
  for (const auto& timeframe : higher_)
    all.insert(all.end(), timeframe.columns().begin(), timeframe.columns().end());
  const auto alignment = alignment_columns(higher_);
  all.insert(all.end(), alignment.begin(), alignment.end());
  higher_row_.assign(all.size() - base_count, kNaN);
  higher_values_.assign(higher_row_.size() * kColumnStride, kNaN);
  for (const auto& name : derived_.sources()) {
    const size_t at = index_of(name, all);
    if (at >= base_count) higher_wanted_.push_back(at - base_count);
  }
  const auto values_of = [&](size_t at) {
    return at < base_count ? base_.values(at) : higher_values_.data() + (at - base_count) * kColumnStride;
  };
  std::vector<const double*> used;
  for (const auto& name : derived_.used()) used.push_back(values_of(index_of(name, all)));
  derived_.bind(used);
  for (const auto& name : options.columns) {
    const size_t at = index_of(name, all);
    if (at < all.size()) {
      source_.push_back(values_of(at));
      selected_.push_back(all[at]);
      wait_for({name, 0, 1}, all);
    } else {
      const size_t which = index_of(name, derived_.columns());
      source_.push_back(derived_.values(which));
      selected_.push_back(derived_.columns()[which]);
      for (const auto& read : derived_.reads(which)) wait_for(read, all);
    }
  }
  bias_at_ = base_.find("trend_bias_atr");
}

void Engine::wait_for(const Read& read, const std::vector<ColumnInfo>& computed) {
  const ColumnInfo& column = computed[index_of(read.column, computed)];
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
      higher_values_[c * kColumnStride + static_cast<size_t>(i)] = higher_row_[c];
  }
}

namespace {

// Bars of the segment of bar t from t on, at most a block.
int block_length(const BarsView& bars, int64_t t) {
  const int64_t end = std::min(bars.size(), t + kBlockBars);
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
    const int n = block_length(base, t);
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
