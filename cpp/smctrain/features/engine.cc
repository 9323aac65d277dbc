#include "smctrain/features/engine.h"

#include <algorithm>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/features/registry.h"

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

std::vector<CatalogueEntry> computed_entries(int64_t base_length_ns, const std::vector<HigherSpec>& higher) {
  std::vector<CatalogueEntry> entries;
  for (const auto& machine : make_base_machines()) {
    for (const auto& column : machine->columns())
      entries.push_back({column, in_default_preset(column), column.role == "feature"});
  }
  std::vector<HigherTimeframe> timeframes;
  for (const auto& spec : higher) timeframes.emplace_back(spec, base_length_ns, nullptr);
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

}  // namespace

std::vector<CatalogueEntry> catalogue(int64_t base_length_ns, const std::vector<HigherSpec>& higher,
                                      const std::vector<AskedColumns>& asked) {
  auto entries = computed_entries(base_length_ns, higher);
  const auto computed = columns_of(entries);
  const ColumnIndex known(computed);
  auto preset = full_preset_derived();
  // Other settings may have given a source another name.
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
    : derived_(options.columns, columns_of(computed_entries(options.base_length_ns, options.higher)), 1),
      base_(make_base_machines(), with_needs_of_alignment(derived_.sources())) {
  for (const auto& spec : options.higher)
    higher_.emplace_back(spec, options.base_length_ns, &derived_.sources());
  std::vector<ColumnInfo> all = base_.columns();
  for (const auto& timeframe : higher_)
    all.insert(all.end(), timeframe.columns().begin(), timeframe.columns().end());
  const auto alignment = alignment_columns(higher_);
  all.insert(all.end(), alignment.begin(), alignment.end());
  derived_at_ = all.size();
  all.insert(all.end(), derived_.columns().begin(), derived_.columns().end());
  for (const auto& name : options.columns) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const ColumnInfo& column) { return column.name == name; });
    const auto at = static_cast<size_t>(found - all.begin());
    source_.push_back(at);
    selected_.push_back(*found);
    const auto reads = at < derived_at_ ? std::vector<Read>{{name, 0}} : derived_.reads(at - derived_at_);
    for (const auto& read : reads) wait_for(read, all);
  }
  row_.assign(all.size(), kNaN);
  std::vector<const double*> used;
  for (const auto& name : derived_.used()) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const ColumnInfo& column) { return column.name == name; });
    used.push_back(row_.data() + (found - all.begin()));
  }
  derived_.bind(used);
  bias_at_ = base_.find("trend_bias_atr");
}

void Engine::wait_for(const Read& read, const std::vector<ColumnInfo>& computed) {
  const auto& column = *std::find_if(computed.begin(), computed.end(),
                                     [&](const ColumnInfo& other) { return other.name == read.column; });
  if (column.family == "higher") {
    for (auto& timeframe : higher_) timeframe.require(column.name, read.settles);
    higher_selected_ = true;
    higher_rows_ = std::max(higher_rows_, read.rows);
  } else if (column.settle != kForever) {
    settled_after_ = std::max(settled_after_, column.warmup + read.settles * column.settle + read.rows);
  }
}

bool Engine::push(const Bar& bar, int32_t segment, double* out) {
  if (started_ && bar.ts_open <= last_open_) {
    raise("InputError", "bars must come in order of time, but one opens no later than the bar before it.");
  }
  const bool restart = started_ && segment != segment_;
  if (restart) {
    base_.reset();
    derived_.reset();
    higher_settled_rows_ = 0;
  }
  if (restart || !started_) {
    for (auto& timeframe : higher_) timeframe.start_segment(bar, !started_);
  }
  started_ = true;
  segment_ = segment;
  last_open_ = bar.ts_open;

  base_.push(bar);
  double* next = std::copy(base_.values().begin(), base_.values().end(), row_.data());
  double low = bias_at_ >= 0 ? base_.values()[static_cast<size_t>(bias_at_)] : kNaN;
  double high = low;
  double structure = 0.0;
  double block_confluence = 0.0;
  double gap_confluence = 0.0;
  bool higher_settled = true;
  for (auto& timeframe : higher_) {
    timeframe.push_base(bar);
    timeframe.write(prices_are_finite(bar) ? bar.close : kNaN, next);
    next += timeframe.columns().size();
    const double bias = timeframe.trend_bias();
    low = std::isnan(low) || std::isnan(bias) ? kNaN : std::min(low, bias);
    high = std::isnan(high) || std::isnan(bias) ? kNaN : std::max(high, bias);
    structure += timeframe.structure();
    block_confluence += timeframe.confluence(0);
    gap_confluence += timeframe.confluence(1);
    higher_settled = higher_settled && timeframe.settled();
  }
  if (!higher_.empty()) {
    *next++ = std::isnan(low) ? kNaN : (low > 1.0 ? 1.0 : (high < -1.0 ? -1.0 : 0.0));
    if (higher_.front().has_structure()) {
      *next++ = structure;
      *next++ = block_confluence;
      *next++ = gap_confluence;
    }
  }
  derived_.push_block(1);
  for (size_t i = 0; i < derived_.columns().size(); ++i) row_[derived_at_ + i] = *derived_.values(i);
  for (size_t i = 0; i < source_.size(); ++i) out[i] = row_[source_[i]];
  higher_settled_rows_ = higher_settled ? higher_settled_rows_ + 1 : 0;
  return base_.rows() > settled_after_ && (!higher_selected_ || higher_settled_rows_ > higher_rows_);
}

template <class T>
void build_features(Engine& engine, const BarsView& base, const std::vector<BarsView>& higher,
                    MatrixView<T> out, uint8_t* settled) {
  std::vector<double> row(engine.columns().size());
  std::vector<int64_t> next(higher.size(), 0);
  for (int64_t t = 0; t < base.size(); ++t) {
    const Bar bar = base[t];
    for (size_t i = 0; i < higher.size(); ++i) {
      if (!engine.higher(i).from_bars) continue;
      while (next[i] < higher[i].size() && higher[i].ts_close[static_cast<size_t>(next[i])] <= bar.ts_close) {
        engine.push_higher(i, higher[i][next[i]], higher[i].segment[static_cast<size_t>(next[i])]);
        ++next[i];
      }
    }
    settled[t] = engine.push(bar, base.segment[static_cast<size_t>(t)], row.data()) ? 1 : 0;
    for (size_t i = 0; i < row.size(); ++i) out(t, static_cast<int64_t>(i)) = static_cast<T>(row[i]);
  }
}

template void build_features<float>(Engine&, const BarsView&, const std::vector<BarsView>&, MatrixView<float>,
                                    uint8_t*);
template void build_features<double>(Engine&, const BarsView&, const std::vector<BarsView>&,
                                     MatrixView<double>, uint8_t*);

}  // namespace smctrain::features
