// Loops over blocks of rows, vectorised; each sum has one fixed order, whatever the machine's vector width.
//
//   block    `count` rows of `stride` doubles, row-major; stride is a multiple of kLanes, columns behind the
//   last
//            one are 0
//   gram     matrix of stride x stride; only tiles on or right of the diagonal are written (see mirror)
#pragma once

#include <cstdint>

namespace smctrain::models::linear {

constexpr int64_t kLanes = 8;

inline int64_t padded(int64_t columns) { return (columns + kLanes - 1) / kLanes * kLanes; }

// Adds weight * (x - shift) and weight * (x - shift)^2 of one row to the sums of its columns.
void add_moments(const float* x, int64_t columns, double weight, const double* shift, double* sum,
                 double* square);

// z = (x - mean) * inverse, the first `columns` entries.
void standardise_row(const float* x, int64_t columns, const double* mean, const double* inverse, double* z);

// gram += block' diag(weight) block. `work` holds 4 * count doubles.
void add_gram(const double* block, int64_t count, int64_t stride, const double* weight, double* work,
              double* gram);

// Copies the upper part of a gram to the lower one.
void mirror(double* gram, int64_t stride);

// out[r] = block row r . vector
void block_times(const double* block, int64_t count, int64_t stride, const double* vector, double* out);

// sum += block' scale
void add_transposed_times(const double* block, int64_t count, int64_t stride, const double* scale,
                          double* sum);

double dot(const double* a, const double* b, int64_t n);

// y += a x
void add_scaled(double a, const double* x, double* y, int64_t n);

}  // namespace smctrain::models::linear
