// Fewer rows of a panel, always the same ones.
//
//   key        a number drawn from Philox(seed, hash of what is kept or dropped): of a stamp, or of a row
//   (its stamp
//              and its symbol's name). It depends on nothing else: not on the order of symbols, on other
//              rows, or on rows added later.
//   per_stamp  at most so many rows of a stamp: those with the smallest row keys.
//   share      a stamp (or row) stays if its key, as a number in [0, 1), is below the share: what is kept of
//   the
//              past never changes when rows are added.
//   max_rows   the stamps (or rows) with the smallest keys, as many as fit; or the newest. Whole stamps are
//   taken
//              until the next one does not fit. Rows added later can push others out but never bring any back
//              in.
//
// Applied in this order. O(rows log rows).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace smctrain::panel {

struct SampleOptions {
  uint64_t seed = 0;
  bool whole_stamps = true;
  bool newest = false;
  int64_t per_stamp = 0;  // 0: no limit
  double share = 1.0;
  int64_t max_rows = 0;  // 0: no limit
};

// rows: ascending rows of a panel (sorted by time) to choose from. symbol_key: hash of every symbol's name.
std::vector<int64_t> sample(std::span<const int64_t> time, std::span<const int32_t> symbol,
                            std::span<const uint64_t> symbol_key, std::span<const int64_t> rows,
                            const SampleOptions& options);

}  // namespace smctrain::panel
