// The names of derived columns, and the only parser of them.
//
//   column    a column computed from bars; an exact name always wins, whatever it looks like
//   lag       <c>_lag_<k>         the value of k bars ago, k = 1..100000
//   window    <c>_<s>_<w>         statistic s of the last w bars, the newest included, w = 2..100000;
//                                 s: mean sd min max med q10 q90 skew rank slope z ratio acf<l>
//   square    <c>_sq
//   fraction  <c>_fd_<h>          fractional difference of order d = h/100: d = 0.4 is fd_40; h = 1..100
//   product   <a>__x__<b>         names in alphabetical order; what follows belongs to b, so a__x__b_lag_1 is
//                                 a times the lag of b
//
// <c> may itself be derived once, and so may <a> and <b>: at most two operations deep. A name is read from
// its end, where exactly one reading is possible; one column has one spelling (no leading zeros, no lag of a
// lag, no product of a column with itself). Cost: one look-up per operation.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "smctrain/features/machine.h"

namespace smctrain::features {

enum class Operation {
  kColumn,  // computed from bars
  kLag,
  kMean,
  kSd,
  kMin,
  kMax,
  kMedian,
  kQ10,
  kQ90,
  kSkew,
  kRank,
  kSlope,
  kZ,
  kRatio,
  kAutocorrelation,
  kSquare,
  kFractional,
  kProduct,
};

struct Expression {
  std::string name;
  Operation operation = Operation::kColumn;
  int width = 0;                  // w, k or h
  int shift = 0;                  // l of acf<l>
  std::vector<Expression> parts;  // none of a column, two of a product, else one
};

// Columns by name.
class ColumnIndex {
 public:
  ColumnIndex() = default;
  // Refers to the columns.
  explicit ColumnIndex(const std::vector<ColumnInfo>& columns);
  const ColumnInfo* find(const std::string& name) const;
  // The name most like `name`, empty if none is.
  std::string nearest(const std::string& name) const;

 private:
  std::unordered_map<std::string, const ColumnInfo*> by_name_;
  std::vector<const ColumnInfo*> columns_;
};

// Where the text is no column, `problem` says why: it goes on after "holds '<name>'".
struct Parsed {
  Expression expression;
  std::string problem;
};
Parsed parse_column(const std::string& name, const ColumnIndex& known);

}  // namespace smctrain::features
