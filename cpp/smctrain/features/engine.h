// The feature engine: finished bars in, one row of columns out. Batch is the stream in a loop.
//
//   base series        all machines of the base timeframe
//   higher timeframes  see higher_timeframe.h; htf_align_trend and htf_align_struct combine them with the
//   base selection          columns are written in the order asked for; machines nobody asked for do not run
//   derived            lags, statistics, products ... of that row: derived/columns.h
//   settled            a row is settled once every selected column is past its warm-up and the start no
//   longer shows
//                      (columns that never settle are left out of this mark)
//
// Bars are worked on in blocks of up to kBlockBars; a stream is blocks of one bar (machine.h). Every series
// restarts where the segment changes. Cost: a few microseconds per bar for the default set.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "smctrain/bars/bar.h"
#include "smctrain/base/view.h"
#include "smctrain/features/catalogue.h"
#include "smctrain/features/derived/columns.h"
#include "smctrain/features/higher_timeframe.h"
#include "smctrain/features/machine.h"
#include "smctrain/features/series.h"
#include "smctrain/features/settings.h"

namespace smctrain::features {

struct EngineOptions {
  int64_t base_length_ns = 0;
  std::vector<HigherSpec> higher;
  std::vector<std::string> columns;  // wanted columns, any role, in the order wanted
  Settings settings;
  int most_bars = kBlockBars;  // that push_block will be given at once
};

class Engine {
 public:
  explicit Engine(const EngineOptions& options);

  const std::vector<ColumnInfo>& columns() const { return selected_; }
  int most_bars() const { return static_cast<int>(higher_settled_.size()); }
  size_t higher_count() const { return higher_.size(); }
  const HigherSpec& higher(size_t which) const { return higher_[which].spec(); }

  void push_higher(size_t which, const Bar& bar, int32_t segment) {
    higher_[which].push_higher(bar, segment);
  }
  // Writes columns().size() values; returns whether the row is settled.
  bool push(const Bar& bar, int32_t segment, double* out);
  // The same for bars first..first + n - 1, 1 <= n <= most_bars, all of one segment. Afterwards
  // block_columns()[i] holds their values of columns()[i]. settled has n entries.
  void push_block(const BarsView& bars, int64_t first, int n, uint8_t* settled);
  const std::vector<const double*>& block_columns() const { return source_; }

 private:
  void start_bars(const BarsView& bars, int64_t first, int n);
  void push_higher_timeframes(const BarsView& bars, int64_t first, int n);

  // Makes rows count as settled only once what is read is.
  void wait_for(const Read& read, const ColumnInfo& column);
  void settle_higher(int n, uint8_t* settled);

  std::shared_ptr<const ComputedColumns> computed_;
  DerivedColumns derived_;
  Series base_;
  std::vector<HigherTimeframe> higher_;
  std::vector<ColumnInfo> selected_;
  size_t higher_stride_;
  std::vector<double> higher_values_;  // columns of the higher timeframes and of their alignment
  std::vector<double> higher_row_;     // the same of one bar
  std::vector<const double*> source_;  // values of each selected column
  std::vector<size_t> higher_wanted_;  // selected or derived from, among those of higher_row_
  int bias_at_ = -1;
  int64_t settled_after_ = 0;
  bool higher_selected_ = false;
  int64_t higher_rows_ = 0;              // rows that must follow the first one with settled higher bars
  int64_t higher_settled_rows_ = 0;      // rows of this segment on which they were settled
  std::vector<uint8_t> higher_settled_;  // of the bars of the last block
  bool started_ = false;
  int32_t segment_ = 0;
  int64_t last_open_ = 0;
};

// Runs the engine over `base`, feeding the bars of higher[i] to timeframe i where that one reads bars. `out`
// has one row per base bar, T is float or double; settled has base.size() entries.
template <class T>
void build_features(Engine& engine, const BarsView& base, const std::vector<BarsView>& higher,
                    MatrixView<T> out, uint8_t* settled);

}  // namespace smctrain::features
