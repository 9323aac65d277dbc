// The rows of one linear fit, standardised on the fly: the matrix is never copied.
//
//   position   0..n-1, index into the training rows
//   share      weight of a position divided by the sum of all weights
//   mean       weighted mean of a column; 0 without intercept
//   scale      weighted standard deviation (population) of a column, 1 where columns are not standardised. A
//              column without spread gets inverse 0 when there is an intercept: its coefficient is 0.
//   z          (x - mean) / scale, in double; sums over z are in double throughout
//
// A fit passes over blocks of rows: convert float32 to z in cache, use z, forget it. Blocks belong to chunks
// whose number depends on the shape alone; chunks are summed in order, so that threads cannot change a
// result. Cost of a pass: n d conversions. Memory: one block a thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::models::linear {

struct DesignSettings {
  bool fit_intercept = true;
  bool standardize = true;
  int threads = 1;
  // Looked at while means and scales are made; a design that was stopped is only good for a fit that stops
  // too.
  const StopToken* stop = nullptr;
};

class Design {
 public:
  // weight: one entry for each row of X, or empty. Raises TooFewRows, TooFewColumns, InputError (names the
  // column of a value that is not finite).
  Design(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const double> weight,
         const DesignSettings& settings);

  int64_t n() const { return static_cast<int64_t>(rows_.size()); }
  int64_t d() const { return d_; }
  int64_t stride() const { return stride_; }  // d and one extra column, padded
  int threads() const { return settings_.threads; }
  bool has_intercept() const { return settings_.fit_intercept; }
  double total_weight() const { return total_weight_; }
  int64_t row(int64_t position) const { return rows_[static_cast<size_t>(position)]; }
  std::span<const double> share() const { return share_; }
  std::span<const double> mean() const { return mean_; }
  std::span<const double> inverse() const { return inverse_; }
  // Standard deviation of every column whatever the settings; 0 without spread.
  std::span<const double> spread() const { return spread_; }
  // Mean of every column whatever the settings.
  std::span<const double> centre() const { return centre_; }

  // z of one position: d entries, the extra one at index d, zeros behind it.
  void load(int64_t position, double extra, double* z) const;

  // Columns as rows: d x n entries sqrt(share) * z, for solvers that walk columns.
  std::vector<double> columns(const StopToken& stop) const;

  int64_t block_rows() const { return block_rows_; }
  int64_t n_chunks() const { return n_chunks_; }
  int64_t chunk_start(int64_t chunk) const { return n() * chunk / n_chunks_; }

  // gram (stride x stride, full) of the blocks (z, extra), weighted by share.
  std::vector<double> gram(std::span<const double> extra, const StopToken& stop) const;

  // Coefficients and intercept in the units of X: coef = beta / scale, intercept = offset - mean . coef.
  void to_units(const double* beta, double offset, double* coef, double* intercept) const;

 private:
  MatrixView<const float> X_;
  std::span<const int64_t> rows_;
  DesignSettings settings_;
  int64_t d_ = 0;
  int64_t stride_ = 0;
  int64_t block_rows_ = 0;
  int64_t n_chunks_ = 1;
  double total_weight_ = 0.0;
  std::vector<double> share_, mean_, inverse_, spread_, centre_;
};

// A target of one number a row: centred by its weighted mean where there is an intercept.
struct Target {
  std::vector<double> centred;  // by position
  double mean = 0.0;
};

Target centred_target(const Design& design, std::span<const double> y);

}  // namespace smctrain::models::linear
