#include "smctrain/splits/purge.h"

#include <algorithm>
#include <cmath>

#include "smctrain/base/error.h"

namespace smctrain::splits {

namespace {

// ceil(share x length) for lengths beyond the exact range of double as well.
int64_t share_of(int64_t length, double share) {
  const double wanted = std::ceil(share * static_cast<double>(length) - 1e-9);
  return wanted >= static_cast<double>(length) ? length : static_cast<int64_t>(wanted);
}

struct Range {
  int64_t after;  // exclusive
  int64_t last;   // inclusive
};

// Disjoint and ascending.
std::vector<Range> embargo_ranges(const Stamps& stamps, std::span<const Block> blocks,
                                  const Embargo& embargo) {
  std::vector<Range> ranges;
  if (embargo.none()) return ranges;
  ranges.reserve(blocks.size());
  for (const Block& block : blocks) {
    const int64_t last = embargo_end(stamps, block, embargo);
    if (last > block.end) ranges.push_back({block.end, last});
  }
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.after < b.after; });
  size_t kept = 0;
  for (const Range& range : ranges) {
    if (kept > 0 && range.after <= ranges[kept - 1].last) {
      ranges[kept - 1].last = std::max(ranges[kept - 1].last, range.last);
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
  return ranges;
}

// Blocks and, unless they are purged as wholes, the segments of their rows, in one walk.
template <bool kSorted>
void collect(const Timeline& time, std::span<const Fate> fates, std::vector<Block>& blocks,
             Segments* segments) {
  const auto n = static_cast<int64_t>(fates.size());
  const int64_t* t0 = time.intervals().t0.data();
  const int64_t* t1 = time.intervals().t1.data();
  bool inside = false;
  int64_t start = 0;  // of the open segment
  int64_t reach = 0;
  for (int64_t place = 0; place < n; ++place) {
    const int64_t row = kSorted ? place : time.row_at(place);
    const Fate fate = fates[static_cast<size_t>(row)];
    if (fate != Fate::kTest) {
      inside = inside && (fate == Fate::kUnused || fate == Fate::kExcluded);
      continue;
    }
    const int64_t end = t1[row];
    const bool first = blocks.empty();
    if (!inside) blocks.push_back({time.stamp_of(row), 0, t0[row], end});
    Block& block = blocks.back();
    block.last_stamp = time.stamp_of(row);
    block.end = std::max(block.end, end);
    inside = true;
    if (first || t0[row] > reach) {
      if (!first && segments != nullptr) segments->add(start, reach);
      start = t0[row];
      reach = end;
    }
    reach = std::max(reach, end);
  }
  if (segments != nullptr && !blocks.empty()) segments->add(start, reach);
}

void collect(const Timeline& time, std::span<const Fate> fates, std::vector<Block>& blocks,
             Segments* segments) {
  if (time.sorted()) {
    collect<true>(time, fates, blocks, segments);
  } else {
    collect<false>(time, fates, blocks, segments);
  }
}

// The second walk: segments and ranges only ever move forward with the rows.
template <bool kSorted, bool kLooksBack>
void judge(const Timeline& time, const Segments& segments, std::span<const Range> ranges,
           const Distance& lookback, std::span<Fate> fates) {
  constexpr int64_t kLatest = std::numeric_limits<int64_t>::max();
  const auto n = static_cast<int64_t>(fates.size());
  const int64_t* t0 = time.intervals().t0.data();
  const int64_t* t1 = time.intervals().t1.data();
  Fate* fate = fates.data();
  size_t segment = 0;
  size_t range = 0;
  // Behind the last one: a segment that no row reaches, a range that holds no row.
  const auto segment_start = [&] { return segment < segments.size() ? segments.start(segment) : kLatest; };
  const auto segment_end = [&] { return segment < segments.size() ? segments.end(segment) : kLatest; };
  int64_t from = segment_start();
  int64_t to = segment_end();
  bool any = segments.size() > 0;
  Range free = ranges.empty() ? Range{kLatest, kLatest} : ranges[0];
  for (int64_t place = 0; place < n; ++place) {
    const int64_t row = kSorted ? place : time.row_at(place);
    if (fate[row] != Fate::kTrain) continue;
    const int64_t decided = t0[row];
    const int64_t start = kLooksBack ? time.stamps().back(time.stamp_of(row), lookback) : decided;
    while (start > to) {
      any = ++segment < segments.size();
      from = segment_start();
      to = segment_end();
    }
    while (decided > free.last) {
      ++range;
      free = range < ranges.size() ? ranges[range] : Range{kLatest, kLatest};
    }
    if (t1[row] >= from && any) {
      fate[row] = Fate::kPurged;
    } else if (decided > free.after) {
      fate[row] = Fate::kEmbargoed;
    }
  }
}

}  // namespace

void check(const Embargo& embargo) {
  check(embargo.distance);
  if (!(embargo.share >= 0.0 && embargo.share <= 1.0)) {
    raise("InputError", "the share of an embargo must lie between 0 and 1, but is ", embargo.share, ".");
  }
}

int64_t embargo_end(const Stamps& stamps, const Block& block, const Embargo& embargo) {
  if (embargo.share <= 0.0) return stamps.embargo_end(block.end, embargo.distance);
  if (embargo.distance.span > 0) {
    constexpr auto kLongest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    const uint64_t span = static_cast<uint64_t>(block.end) - static_cast<uint64_t>(block.start);
    const auto length = block.end > block.start ? static_cast<int64_t>(std::min(span, kLongest)) : int64_t{0};
    return stamps.embargo_end(block.end,
                              {0, std::min(embargo.distance.span, share_of(length, embargo.share))});
  }
  const int64_t length = block.last_stamp - block.first_stamp + 1;
  return stamps.embargo_end(block.end,
                            {std::min(embargo.distance.stamps, share_of(length, embargo.share)), 0});
}

void purge(const Timeline& time, const Rules& rules, std::span<Fate> fates) {
  check(rules.embargo);
  check(rules.lookback);
  std::vector<Block> blocks;
  Segments segments;
  collect(time, fates, blocks, rules.block ? nullptr : &segments);
  if (rules.block) {
    for (const Block& block : blocks) segments.add(block.start, block.end);
  }
  const auto ranges = embargo_ranges(time.stamps(), blocks, rules.embargo);
  const bool looks_back = !rules.lookback.none();
  const auto walk = time.sorted() ? (looks_back ? judge<true, true> : judge<true, false>)
                                  : (looks_back ? judge<false, true> : judge<false, false>);
  walk(time, segments, ranges, rules.lookback, fates);
}

std::vector<Fate> purge_and_embargo(const Timeline& time, std::span<const uint8_t> is_test,
                                    const Rules& rules) {
  std::vector<Fate> fates(is_test.size());
  for (size_t i = 0; i < is_test.size(); ++i) fates[i] = is_test[i] != 0 ? Fate::kTest : Fate::kTrain;
  purge(time, rules, fates);
  return fates;
}

int64_t count_of(std::span<const Fate> fates, Fate fate) {
  int64_t count = 0;
  for (size_t first = 0; first < fates.size(); first += 128) {  // narrow sums, so that the loop is vectorised
    uint8_t part = 0;
    const size_t last = std::min(fates.size(), first + 128);
    for (size_t i = first; i < last; ++i) part = static_cast<uint8_t>(part + (fates[i] == fate ? 1 : 0));
    count += part;
  }
  return count;
}

void write_rows_with(std::span<const Fate> fates, Fate fate, int64_t count, int64_t* rows) {
  int64_t row = 0;
  for (int64_t found = 0; found < count;) {  // run by run: fates come in long ones
    while (fates[static_cast<size_t>(row)] != fate) ++row;
    while (found < count && fates[static_cast<size_t>(row)] == fate) rows[found++] = row++;
  }
}

std::vector<int64_t> rows_with(std::span<const Fate> fates, Fate fate) {
  std::vector<int64_t> rows(static_cast<size_t>(count_of(fates, fate)));
  write_rows_with(fates, fate, static_cast<int64_t>(rows.size()), rows.data());
  return rows;
}

}  // namespace smctrain::splits
