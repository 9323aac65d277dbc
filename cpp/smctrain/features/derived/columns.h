// Derived columns: lags, statistics, products, ... of the columns of a row, fed once the row (or a block of
// rows) is complete.
//
//   sources    the computed columns that must be in the row, asked for or not
//   slots      values of this bar: sources first, then each derived column, a column before those that read
//   it kernels    one per (source, kind, width): the mean and the deviation of one window share theirs
//
// The row is bar t's and everything before it has been seen once, so a derived column knows no more than the
// columns it is made of. reset() where the segment changes. Cost: see running.h, sorted_window.h,
// fractional.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "smctrain/features/derived/name.h"
#include "smctrain/features/machine.h"

namespace smctrain::features {

// Column names asked for by a parameter, for messages.
struct AskedColumns {
  std::string parameter;
  std::vector<std::string> names;
};

// The metadata of columns that are asked for and not among `computed`. Raises InputError with every name that
// is neither.
std::vector<ColumnInfo> derived_columns(const std::vector<AskedColumns>& asked, const ColumnIndex& computed);

// A computed column that a column reads, and how many of its earlier rows. Statistics of a window measure
// differences far smaller than the level of their source (the z of an average), so the start of the bars must
// have faded to 1e-12 there instead of 1e-6: `settles` is 2, twice the rows; else 1.
struct Read {
  std::string column;
  int64_t rows = 0;
  int settles = 1;
};

class DerivedKernel;
struct DerivedOutput;

class DerivedColumns {
 public:
  // `wanted`: names of computed and derived columns; `computed`: all columns that can be in the row;
  // `most_bars`: of a block.
  DerivedColumns(const std::vector<std::string>& wanted, const ColumnIndex& computed, int most_bars);
  ~DerivedColumns();
  DerivedColumns(DerivedColumns&&) noexcept;
  DerivedColumns& operator=(DerivedColumns&&) noexcept;

  // Computed columns that are wanted or read, each once.
  const std::vector<std::string>& sources() const { return sources_; }
  // The derived ones among the wanted.
  const std::vector<ColumnInfo>& columns() const { return columns_; }
  const std::vector<Read>& reads(size_t column) const { return reads_[column]; }

  // Computed columns that derived ones read, and where the values of a block will stand: one pointer per
  // name.
  const std::vector<std::string>& used() const { return used_; }
  void bind(const std::vector<const double*>& used);
  // Takes the next n bars of one segment; afterwards values(i) holds n values of columns()[i].
  void push_block(int n);
  const double* values(size_t column) const { return values_[shown_[column]]; }
  void reset();

 private:
  // Feeds one kernel; a step reads slots of the sources and of steps before it.
  struct Step {
    std::string key;
    size_t first = 0;
    size_t second = 0;
    std::unique_ptr<DerivedKernel> kernel;
    std::vector<DerivedOutput> outputs;
  };

  size_t slot_of(const Expression& expression);

  size_t most_bars_;
  std::vector<std::string> sources_;
  std::vector<ColumnInfo> columns_;
  std::vector<std::vector<Read>> reads_;
  std::vector<std::string> used_;                // the first slots
  std::vector<std::string> slot_names_;          // then those of derived columns
  std::vector<const double*> values_;            // of each slot
  std::vector<std::vector<double>> own_values_;  // of the slots of derived columns
  std::vector<Step> steps_;
  std::vector<size_t> shown_;  // slot of each column
};

}  // namespace smctrain::features
