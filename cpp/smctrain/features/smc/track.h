// What changes now and then, along a block of bars: runs of rows with the same numbers.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "smctrain/features/machine.h"
#include "smctrain/features/technical/kernels.h"

namespace smctrain::features::smc {

// Runs of one block, in order; run r begins on starts[r] and shows the numbers at rows[r].
struct Runs {
  std::vector<int> starts;
  std::vector<const double*> rows;

  void clear() {
    starts.clear();
    rows.clear();
  }
  void add(int start, const double* row) {
    starts.push_back(start);
    rows.push_back(row);
  }
  // Field `field` of every row, for n bars.
  void write(int field, int n, double* out) const { write({&field, 1}, n, &out); }
  // Several at once.
  void write(std::span<const int> fields, int n, double* const* out) const {
    kernels().hold(rows.data(), starts.data(), static_cast<int>(starts.size()), n, fields.data(),
                   static_cast<int>(fields.size()), out);
  }
};

// A state of `width` numbers that is written down when it changes.
class Track {
 public:
  explicit Track(size_t width) : width_(width), values_(width * (kBlockBars + 1)) {
    runs_.starts.reserve(kBlockBars + 1);
    runs_.rows.reserve(kBlockBars + 1);
  }
  void begin() { runs_.clear(); }
  // The numbers that hold from bar `row` on, to be written. The first ones of a block are those of row 0.
  double* at(int row) {
    if (runs_.starts.empty() || runs_.starts.back() != row) {
      runs_.add(row, values_.data() + runs_.starts.size() * width_);
    }
    return values_.data() + (runs_.starts.size() - 1) * width_;
  }
  const Runs& runs() const { return runs_; }

 private:
  size_t width_;
  std::vector<double> values_;
  Runs runs_;
};

}  // namespace smctrain::features::smc
