#include "smctrain/features/higher_timeframe.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/features/registry.h"
#include "smctrain/features/smc/machine.h"

namespace smctrain::features {
namespace {

// Kind (block, gap) and side (bullish, bearish) in the order of confluence and of smc_zone_distance_atr.
constexpr std::array<const char*, 4> kZoneColumns{"ob_bull_dist_atr", "ob_bear_dist_atr", "fvg_bull_dist_atr",
                                                  "fvg_bear_dist_atr"};
constexpr double kConfluenceAtr = 0.5;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string prefix_of(const HigherSpec& spec) { return "htf_" + lower(spec.timeframe) + "_"; }

// Whether `own`, a column of a higher timeframe, enters a combination of all of them.
bool is_part_of(const std::string& combination, const std::string& own) {
  if (combination == "htf_align_trend") return own.ends_with("_trend_bias_atr");
  if (combination == "htf_align_struct") return own.ends_with("_ms_dir");
  // A confluence is unknown until the ATR of the timeframe is, which its bias shows.
  if (combination == "htf_ob_conf")
    return own.find("_ob_") != std::string::npos || own.ends_with("_trend_bias_atr");
  if (combination == "htf_fvg_conf")
    return own.find("_fvg_") != std::string::npos || own.ends_with("_trend_bias_atr");
  return false;
}

std::vector<std::string> needed_columns(const std::string& prefix, const std::vector<std::string>* selected) {
  std::vector<std::string> names = higher_columns();
  names.insert(names.end(), kZoneColumns.begin(), kZoneColumns.end());
  if (selected == nullptr) return names;
  std::erase_if(names, [&](const std::string& name) {
    const std::string own = prefix + name;
    return std::none_of(selected->begin(), selected->end(),
                        [&](const std::string& wanted) { return wanted == own || is_part_of(wanted, own); });
  });
  return names;
}

}  // namespace

HigherTimeframe::HigherTimeframe(const HigherSpec& spec, int64_t base_length_ns,
                                 const std::vector<MachinePlan>& plans,
                                 const std::vector<std::string>* selected, const Settings& settings)
    : spec_(spec),
      buckets_(spec.days, spec.length_ns),
      series_(plans, settings, spec.length_ns, needed_columns(prefix_of(spec), selected), 1) {
  if (spec.length_ns <= base_length_ns || spec.length_ns % base_length_ns != 0) {
    raise("InputError", "higher timeframe ", spec.timeframe,
          " must be a multiple of the base timeframe and longer than it.");
  }
  const int64_t ratio = spec.length_ns / base_length_ns;
  const std::string prefix = prefix_of(spec);
  const auto add = [&](const std::string& name, const std::string& meaning) {
    const int at = series_.find(name);
    if (at < 0) return;
    ColumnInfo column = *series_.columns()[static_cast<size_t>(at)];
    const bool fades = column.settle != kForever;
    needs_.push_back(fades ? column.warmup + column.settle : 0);
    column.name = prefix + name;
    column.family = "higher";
    column.lookback = column.lookback == kForever ? kForever : (column.lookback + 1) * ratio;
    column.warmup = (column.warmup + 1) * ratio - 1;
    column.settle = fades ? (column.settle + 1) * ratio : kForever;
    column.known_at = "close of the " + spec.timeframe + " bar";
    column.definition = meaning.empty()
                            ? name + " of the last finished " + spec.timeframe + " bar: " + column.definition
                            : meaning;
    columns_.push_back(std::move(column));
  };
  for (const auto& name : higher_columns()) {
    if (series_.find(name) >= 0) taken_.push_back(series_.find(name));
    add(name, "");
  }
  zones_ = series_.owner(kZoneColumns.front());
  for (const char* name : kZoneColumns) {
    add(name, "distance of the base close to the nearest zone active at the last finished " + spec.timeframe +
                  " bar, in its ATR");
  }
  columns_.push_back({prefix + "age", "higher", "bars", "feature", ratio, ratio - 1, ratio,
                      "close of the bar",
                      "base bars since the last finished " + spec.timeframe + " bar was first seen"});
  bias_at_ = series_.find("trend_bias_atr");
  structure_at_ = series_.find("ms_dir");
}

void HigherTimeframe::push_higher(const Bar& bar, int32_t segment) {
  if (!spec_.from_bars) {
    raise("InputError", spec_.timeframe, " bars were pushed, but this engine resamples ", spec_.timeframe,
          " from the base bars; choose pushed bars at construction.");
  }
  if (bar.ts_open <= last_higher_open_) {
    raise("InputError", spec_.timeframe,
          " bars must come in order of time, but one opens no later than the bar before it.");
  }
  if (bar.ts_close <= last_base_close_) {
    raise("InputError", "a ", spec_.timeframe,
          " bar must be pushed before the base bar that closes with it or after it, but came later.");
  }
  last_higher_open_ = bar.ts_open;
  waiting_.push_back({bar, segment});
}

void HigherTimeframe::start_segment(const Bar& first_bar, bool first_segment) {
  if (first_segment) return;  // higher bars from before the first base bar are known history
  series_.reset();
  joined_ = false;
  collecting_ = false;
  while (!waiting_.empty() && waiting_.front().bar.ts_close <= first_bar.ts_open) {
    higher_segment_ = waiting_.front().segment;
    waiting_.pop_front();
  }
}

void HigherTimeframe::push_base(const Bar& bar) {
  ++age_;
  if (spec_.from_bars) {
    while (!waiting_.empty() && waiting_.front().bar.ts_close <= bar.ts_close) {
      const Waiting next = waiting_.front();
      waiting_.pop_front();
      if (has_higher_segment_ && next.segment != higher_segment_) {
        series_.reset();
        joined_ = false;
      }
      higher_segment_ = next.segment;
      has_higher_segment_ = true;
      accept(next.bar);
    }
  } else {
    resample(bar);
  }
  last_base_close_ = bar.ts_close;
}

void HigherTimeframe::accept(const Bar& bar) {
  series_.push(bar);
  joined_ = true;
  age_ = 0;
}

void HigherTimeframe::resample(const Bar& bar) {
  const TimeSpan span = buckets_.span_of(bar.ts_open);
  if (collecting_ && span.start != bucket_.ts_open) {  // the rest of the old bucket has no base bars
    accept(bucket_);
    collecting_ = false;
  }
  if (prices_are_finite(bar)) {
    if (!collecting_) {
      bucket_ = bar;
      bucket_.ts_open = span.start;
      bucket_.ts_close = span.end;
      collecting_ = true;
    } else {
      bucket_.high = std::max(bucket_.high, bar.high);
      bucket_.low = std::min(bucket_.low, bar.low);
      bucket_.close = bar.close;
      bucket_.volume += bar.volume;
      bucket_.spread = bar.spread;
    }
  }
  if (collecting_ && bar.ts_close >= bucket_.ts_close) {
    accept(bucket_);
    collecting_ = false;
  }
}

void HigherTimeframe::write(double base_close, double* out) {
  for (const int at : taken_) *out++ = value(at);
  confluence_.fill(kNaN);
  if (zones_ != nullptr) {
    for (size_t kind = 0; kind < 2; ++kind) {
      double near = 0.0;
      for (const int side : {+1, -1}) {
        const auto zone_kind = kind == 0 ? ZoneKind::kOrderBlock : ZoneKind::kFairValueGap;
        const bool known = joined_ && std::isfinite(base_close);
        *out = known ? smc_zone_distance_atr(*zones_, zone_kind, side, base_close) : kNaN;
        if (std::abs(*out) <= kConfluenceAtr) near += side;
        ++out;
      }
      if (!std::isnan(trend_bias())) confluence_[kind] = near;
    }
  }
  *out = joined_ ? static_cast<double>(age_) : kNaN;
}

void HigherTimeframe::require(const std::string& column, int times) {
  for (size_t i = 0; i < needs_.size(); ++i) {
    const std::string& own = columns_[i].name;
    if (own == column || is_part_of(column, own))
      settled_after_ = std::max(settled_after_, times * needs_[i]);
  }
}

}  // namespace smctrain::features
