// Interleaved e-process: a bettor who starts with 1 and bets on each prediction; on noise the money does not
// grow.
//
//   stream j   rows t = j mod h, h = longest label in rows: within a stream no two labels overlap
//   bet        wealth factor 1 + lam * D for lam in {0.05, 0.1, 0.2, 0.3}
//              constant odds q0:   D = (1{right} - q0) / max(q0, 1 - q0); q0 = 1/2 gives +1 / -1
//              class odds:         the same with q = share of the predicted class, kept within [0.05, 0.95]:
//                larger   the larger of its training share and its share among out-of-sample labels resolved
//                by
//                         row t (rows i <= t - h)
//                pooled   its share among all rows known by then, training rows and resolved ones together
//                         (train_rows given)
//   E_T        mean over models, streams and lam of the wealth after rows t <= T; E_0 = 1 stands first
//
// E_end is an e-value, on noise P(E_end >= 1/a) <= a, where no class is commoner in the test than the odds
// say; answering a class that became commoner earns under either kind of class odds. A row without a
// prediction (a negative code) is not bet on. Wealth is capped at 1e250, which only gives money away. A
// binary tree over streams keeps the mean exact without re-adding: O(k + log h) a row. The batch is the
// stream, pushed row by row, so both give the same bits. Source: validation by betting (Shafer 2021;
// Waudby-Smith and Ramdas 2024), streams against label overlap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::stats {

struct EProcessSettings {
  int64_t horizon = 1;
  double baseline = 0.5;                 // q0, used when train_shares is empty
  std::span<const double> train_shares;  // per class code; empty: constant odds
  double train_rows = 0.0;               // how many rows the shares come from; 0: odds are the larger share
};

// One row after the other, as labels resolve. A class code beyond train_shares has share 0 in training.
class EProcessStream {
 public:
  EProcessStream(int64_t n_models, const EProcessSettings& settings);

  // E after this row. `codes` holds one prediction a model.
  double push(int32_t y, std::span<const int32_t> codes);

  double value() const { return value_; }
  double largest() const { return largest_; }
  int64_t rows() const { return rows_; }
  int64_t n_models() const { return n_models_; }

  // What restore() needs beside the constructor's arguments.
  struct State {
    int64_t rows = 0;
    double largest = 1.0;
    std::vector<double> wealth;     // streams x models x bets
    std::vector<int64_t> resolved;  // per class
    std::vector<int32_t> open;      // labels of the last h rows, by row mod h
  };
  State state() const { return {rows_, largest_, wealth_, resolved_, open_}; }
  void restore(const State& state);

 private:
  // Sum of `count` slots, each of which changes one at a time: leaf updates walk to the root.
  class SumTree {
   public:
    explicit SumTree(int64_t count);
    void set(int64_t slot, double value);
    double total() const { return nodes_[1]; }

   private:
    int64_t leaves_ = 1;
    std::vector<double> nodes_;
  };

  double odds(int32_t code) const;
  void settle(int64_t stream);

  int64_t n_models_;
  int64_t horizon_;
  double baseline_;
  std::vector<double> shares_;
  double train_rows_;
  std::vector<double> wealth_;
  SumTree streams_;
  std::vector<int64_t> resolved_;
  int64_t resolved_total_ = 0;
  std::vector<int32_t> open_;
  int64_t rows_ = 0;
  double value_ = 1.0;
  double largest_ = 1.0;
};

// path[0] = 1, path[t + 1] = E after row t. Codes outside 0..n_classes-1 are no predictions.
std::vector<double> e_process(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                              int64_t n_classes, const EProcessSettings& settings);

}  // namespace smctrain::stats
