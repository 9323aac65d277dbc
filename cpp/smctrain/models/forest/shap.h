// Exact SHAP values of a forest, path-dependent: what each column adds to a prediction.
//
//   edge       the step into a node; it belongs to the column its parent asks
//   z          share of the parent's training mass that takes the edge; of a column's edges on one path, the
//              product
//   o          1 where the row takes the edge, else 0; of a column's edges on one path, the product
//   above      the nearest edge of the same column higher on the path
//
// For one leaf of value v the game is v x product over columns in S of o x product over the others of z. The
// Shapley value of a column is the integral over t in 0..1 of  v (o - z) x product over the other columns of
// f(t),  f(t) = t o + (1 - t) z  (Owen's multilinear extension). It is a polynomial in t, so Gauss-Legendre
// quadrature with half as many points as the path has columns is exact, and every factor is positive: nothing
// cancels. Down the tree each node gets the product of its path's f at all points; up the tree values x
// products are summed; each edge adds (o - z) / f to its column and takes back what the edge above counted
// for the leaves below. Cost: nodes x points x classes a row, as many rows at a time as the processor has
// lanes.
//
// Values and additivity are those of Lundberg et al., "From local explanations to global understanding with
// explainable AI for trees", Nature Machine Intelligence 2 (2020), tree_path_dependent.
#pragma once

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/forest/forest.h"
#include "smctrain/models/forest/shap_kernels.h"

namespace smctrain::models {

// out: rows x (n_features + 1) x n_classes; the last of the middle axis is the base value, the mean
// prediction over the training mass. Needs covers (InputError). Rows are independent: any number of threads
// gives the same bits. Returns false when the token ended it.
bool shap_values(const Forest& forest, MatrixView<const float> X, int threads, const StopToken& stop,
                 double* out);

// The same with the kernels of one level, for tests: all levels give the same bits.
bool shap_values(const Forest& forest, MatrixView<const float> X, int threads, const StopToken& stop,
                 const explaining::Kernels& kernels, double* out);

}  // namespace smctrain::models
