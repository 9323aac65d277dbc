// Loops over the columns of one row, vectorised; every column has its own sums, so the order of additions is
// that of the rows whatever the machine's vector width.
#pragma once

#include <cstdint>

namespace smctrain::prepare {

// Of one column each; missing values (NaN, infinite) count nowhere.
struct Sums {
  double* count;
  double* weight;
  double* weight_squared;
  double* sum;
  double* low;
  double* high;
};

void add_row(const float* x, int64_t columns, double weight, const Sums& to);
void add_row(const double* x, int64_t columns, double weight, const Sums& to);

// residual += w (x - mean), squares += w (x - mean)^2.
void add_spread(const float* x, int64_t columns, double weight, const double* mean, double* residual,
                double* squares);
void add_spread(const double* x, int64_t columns, double weight, const double* mean, double* residual,
                double* squares);

// Numbers of each column, as in ColumnProgram.
struct RowProgram {
  const double* fill;
  const double* low;
  const double* high;
  const double* center;
  const double* scale;
};

// Missing -> fill, clip, (x - center) / scale; what would be too large for the type becomes its largest
// number.
void transform_row(const float* x, int64_t columns, const RowProgram& program, float* out);
void transform_row(const double* x, int64_t columns, const RowProgram& program, double* out);

}  // namespace smctrain::prepare
