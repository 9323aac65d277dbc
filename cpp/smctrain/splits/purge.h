// The one rule that keeps a split honest: purge, then embargo.
//
//   candidate  a row that may be used at all: it is a test, or it would be trained on.
//   block      maximal run of test rows in the order (t0, row id) of all candidates; [a, b] = [min t0,
//              max t1]. Blocks are judged one by one: the rows between two blocks stay.
//   purge      a training row whose interval overlaps that of a test row is removed. Rules::block: one that
//              meets [a, b] of a block; the same rows, because whoever meets the span of a maximal run from
//              outside it meets the label that begins or ends there. A lookback widens the training interval
//              to [t0 - lookback, t1]: for models whose features reach back over bars that a test label used.
//   embargo    a training row with b < t0 <= b + e is removed, for every block, on top of the purge.
//
// 1. Walk the candidates in the order of time: test intervals (or blocks) become disjoint segments, every
//    block leaves one embargo range.
// 2. Walk again: a row overlaps iff the first segment that ends at or after its start begins at or before
//    its end; all pointers only move forward.
// O(n) on rows in the order of time, O(n log n) otherwise.
//
// Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), ch. 7, made exact: segments
// instead of the three comparisons of the book, and an embargo that starts where the purge ends.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/splits/intervals.h"

namespace smctrain::splits {

// Distance kept free behind a block. share > 0: that share of the block's own length, rounded up, with
// `distance` as its cap: in stamps, or on the scale of t0 if the cap is a span.
struct Embargo {
  Distance distance;
  double share = 0.0;
  bool none() const { return share <= 0.0 && distance.none(); }
};

struct Rules {
  Embargo embargo;
  Distance lookback;
  bool block = false;
};

struct Block {
  int64_t first_stamp;
  int64_t last_stamp;
  int64_t start;  // min t0
  int64_t end;    // max t1
};

void check(const Embargo& embargo);

// Latest moment that the embargo of a block covers; its end when it covers none.
int64_t embargo_end(const Stamps& stamps, const Block& block, const Embargo& embargo);

// In: kTest, and kTrain for every other candidate; kUnused and kExcluded rows are none. Turns kTrain into
// kPurged and kEmbargoed where the rules ask for it.
void purge(const Timeline& time, const Rules& rules, std::span<Fate> fates);

// The fate of every row, given which rows are tests; all others are candidates.
std::vector<Fate> purge_and_embargo(const Timeline& time, std::span<const uint8_t> is_test,
                                    const Rules& rules);

// Row ids of one fate, ascending; and the same into an array that has room for `count` of them.
std::vector<int64_t> rows_with(std::span<const Fate> fates, Fate fate);
int64_t count_of(std::span<const Fate> fates, Fate fate);
void write_rows_with(std::span<const Fate> fates, Fate fate, int64_t count, int64_t* rows);

}  // namespace smctrain::splits
