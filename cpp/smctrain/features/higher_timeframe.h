// A higher timeframe seen from the base bars.
//
//   join     row t sees higher bar j = max{j : ts_close[j] <= ts_close[t]}; a close at the same moment counts
//   age      base rows since the row on which that bar was first seen
//   source   fixed at construction: higher bars somebody pushes, or a resampling of the base bars
//   bucket   of a resampling, as in buckets.h; finished at the first base row with ts_close >= its end, so a
//            running higher bar is never seen
//
// When a new base segment starts, higher bars that closed before it no longer count.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "smctrain/bars/bar.h"
#include "smctrain/bars/buckets.h"
#include "smctrain/features/series.h"

namespace smctrain::features {

struct HigherSpec {
  std::string timeframe;  // "H1"
  int64_t length_ns = 0;
  bool from_bars = false;  // true: higher bars are pushed; false: resampled from the base bars
  TradingDays days = {};   // where resampled days and weeks begin
};

class HigherTimeframe {
 public:
  // `selected` names the columns somebody wants, so that machines nobody needs do not run; null means all.
  // `plans` are those of higher_machines().
  HigherTimeframe(const HigherSpec& spec, int64_t base_length_ns, const std::vector<MachinePlan>& plans,
                  const std::vector<std::string>* selected, const Settings& settings);
  HigherTimeframe(HigherTimeframe&&) noexcept = default;

  // htf_<tf>_<column> for every column taken from this timeframe, the distance of the base close to its
  // nearest zones, then htf_<tf>_age. Warm-up and settle are in base rows, for higher bars that start no
  // earlier than the base bars.
  const std::vector<ColumnInfo>& columns() const { return columns_; }
  const HigherSpec& spec() const { return spec_; }

  // A finished higher bar (only with from_bars). Must come before the base bar that closes with or after it.
  void push_higher(const Bar& bar, int32_t segment);
  // A finished base bar; afterwards write() gives its row.
  void push_base(const Bar& bar);
  void start_segment(const Bar& first_bar, bool first_segment);
  // Writes the row of a base bar with this close.
  void write(double base_close, double* out);

  double trend_bias() const { return value(bias_at_); }
  double structure() const { return value(structure_at_); }
  bool has_structure() const { return structure_at_ >= 0; }
  // +1 if the base close is within half an ATR of a bullish zone, -1 of a bearish one, 0 both or neither; NaN
  // before the ATR is known. Of the row written last.
  double confluence(size_t kind) const { return confluence_[kind]; }
  // Makes settled() wait for a column, `times` as long as it takes; of an alignment column, for its parts.
  void require(const std::string& column, int times = 1);
  // Whether the higher series is past the warm-up and settle of the required columns.
  bool settled() const { return joined_ && series_.rows() > settled_after_; }

 private:
  struct Waiting {
    Bar bar;
    int32_t segment;
  };

  double value(int at) const { return at >= 0 && joined_ ? series_.newest(static_cast<size_t>(at)) : kNaN; }
  void accept(const Bar& bar);
  void resample(const Bar& bar);

  HigherSpec spec_;
  Buckets buckets_;
  Series series_;
  std::vector<ColumnInfo> columns_;
  std::vector<int> taken_;
  int bias_at_ = -1;
  int structure_at_ = -1;
  const Machine* zones_ = nullptr;  // null without a structure engine
  std::array<double, 2> confluence_{kNaN, kNaN};
  std::vector<int64_t> needs_;  // higher bars until each column is settled
  int64_t settled_after_ = 0;

  bool joined_ = false;
  int64_t age_ = 0;
  std::deque<Waiting> waiting_;
  int64_t last_base_close_ = std::numeric_limits<int64_t>::min();
  int64_t last_higher_open_ = std::numeric_limits<int64_t>::min();
  int32_t higher_segment_ = 0;
  bool has_higher_segment_ = false;
  bool collecting_ = false;
  Bar bucket_;
};

}  // namespace smctrain::features
