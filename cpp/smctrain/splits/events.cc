#include "smctrain/splits/events.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "smctrain/base/error.h"

namespace smctrain::splits {

namespace {

class UnionFind {
 public:
  explicit UnionFind(size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), size_t{0}); }

  size_t root(size_t node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }
  // The earlier run stays the root, so that components are numbered by their first stamp.
  void unite(size_t a, size_t b) {
    a = root(a);
    b = root(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<size_t> parent_;
};

void check_ids(std::span<const int64_t> ids, int64_t columns, size_t rows) {
  if (columns < 0 || ids.size() != rows * static_cast<size_t>(columns)) {
    raise("InputError", "event ids must be ", rows, " rows of ", columns, " columns, but hold ", ids.size(),
          " values.");
  }
}

std::vector<size_t> by_start(std::span<const int64_t> start, std::span<const int64_t> end) {
  if (start.size() != end.size()) {
    raise("InputError", "calendar windows must have one end per start, but have ", end.size(), " ends and ",
          start.size(), " starts.");
  }
  for (size_t i = 0; i < start.size(); ++i) {
    if (start[i] == kMissing || end[i] < start[i]) {
      raise("InputError", "calendar window ", i, " has no start or ends before it starts.");
    }
  }
  std::vector<size_t> order(start.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return start[a] < start[b]; });
  return order;
}

}  // namespace

EventGraph event_graph(const Timeline& time, std::span<const int64_t> ids, int64_t columns) {
  const auto n = static_cast<size_t>(time.size());
  check_ids(ids, columns, n);
  EventGraph graph;
  graph.component.resize(n);

  std::vector<int64_t> first, last;  // stamps of every run
  int64_t reach = 0;
  for (int64_t place = 0; place < time.size(); ++place) {
    const int64_t row = time.row_at(place);
    if (first.empty() || time.t0(row) > reach) {
      first.push_back(time.stamp_of(row));
      last.push_back(0);
      reach = time.t1(row);
    }
    reach = std::max(reach, time.t1(row));
    last.back() = time.stamp_of(row);
    graph.component[static_cast<size_t>(row)] = static_cast<int64_t>(first.size()) - 1;
  }

  UnionFind runs(first.size());
  std::unordered_map<int64_t, size_t> run_of;
  for (int64_t column = 0; column < columns; ++column) {
    run_of.clear();
    for (size_t row = 0; row < n; ++row) {
      const int64_t id = ids[row * static_cast<size_t>(columns) + static_cast<size_t>(column)];
      if (id < 0) continue;
      const auto run = static_cast<size_t>(graph.component[row]);
      const auto [known, added] = run_of.try_emplace(id, run);
      if (!added) runs.unite(known->second, run);
    }
  }

  const auto n_stamps = static_cast<size_t>(time.stamps().size());
  std::vector<int64_t> number(first.size(), -1);  // of a root
  std::vector<int64_t> reaches;                   // last stamp of every component
  std::vector<int64_t> begins;
  for (size_t run = 0; run < first.size(); ++run) {
    const size_t root = runs.root(run);
    if (number[root] < 0) {
      number[root] = static_cast<int64_t>(begins.size());
      begins.push_back(first[run]);
      reaches.push_back(last[run]);
    }
    auto& reached = reaches[static_cast<size_t>(number[root])];
    reached = std::max(reached, last[run]);
  }
  graph.rows.assign(begins.size(), 0);
  for (size_t row = 0; row < n; ++row) {
    graph.component[row] = number[runs.root(static_cast<size_t>(graph.component[row]))];
    ++graph.rows[static_cast<size_t>(graph.component[row])];
  }

  std::vector<int64_t> spans(n_stamps + 1, 0);  // components across every border, as differences
  for (size_t c = 0; c < begins.size(); ++c) {
    ++spans[static_cast<size_t>(begins[c]) + 1];
    --spans[static_cast<size_t>(reaches[c]) + 1];
  }
  std::partial_sum(spans.begin(), spans.end(), spans.begin());
  for (size_t border = 1; border < n_stamps; ++border) {
    if (spans[border] == 0) graph.admissible.push_back(static_cast<int64_t>(border));
  }
  return graph;
}

std::vector<int64_t> starts_outside(const Stamps& stamps, std::span<const int64_t> start,
                                    std::span<const int64_t> end, const Distance& gap) {
  const int64_t n = stamps.size();
  std::vector<int64_t> to(static_cast<size_t>(n));
  std::iota(to.begin(), to.end(), int64_t{0});
  for (const size_t w : by_start(start, end)) {
    int64_t free =
        stamps.at_or_after(stamps.embargo_end(end[w], gap));  // at the last covered moment, or behind it
    if (free < n && stamps.value(free) <= stamps.embargo_end(end[w], gap)) ++free;
    for (int64_t s = stamps.at_or_after(start[w]); s < n && stamps.value(s) <= end[w]; ++s) {
      auto& moved = to[static_cast<size_t>(s)];
      moved = std::max(moved, free);
    }
  }
  // A place behind one window may lie inside another.
  for (int64_t s = n - 1; s >= 0; --s) {
    const int64_t next = to[static_cast<size_t>(s)];
    if (next > s && next < n) to[static_cast<size_t>(s)] = to[static_cast<size_t>(next)];
  }
  return to;
}

std::vector<int64_t> move_borders(std::span<const int64_t> borders, std::span<const int64_t> admissible,
                                  std::span<const int64_t> starts) {
  const auto n = static_cast<int64_t>(starts.size());
  std::vector<int64_t> free;  // admissible, and a test may start there
  for (const int64_t border : admissible) {
    if (starts[static_cast<size_t>(border)] == border) free.push_back(border);
  }
  if (borders.size() > free.size()) {
    raise("TooFewRows", "events and calendar leave ", free.size(), " places for ", borders.size(),
          " borders of the split. Give fewer folds, shorter events or more rows.");
  }
  std::vector<int64_t> moved;
  int64_t least = 0;  // index into free
  for (size_t k = 0; k < borders.size(); ++k) {
    const auto after = std::lower_bound(admissible.begin(), admissible.end(), borders[k]);
    int64_t wanted = after == admissible.end() ? admissible.back() : *after;
    if (after != admissible.begin() && after != admissible.end() &&
        borders[k] - *(after - 1) <= *after - borders[k]) {
      wanted = *(after - 1);
    }
    wanted = wanted < n ? starts[static_cast<size_t>(wanted)] : wanted;
    const auto most = static_cast<int64_t>(free.size() - (borders.size() - k));
    int64_t place = std::lower_bound(free.begin(), free.end(), wanted) - free.begin();
    place = std::clamp(place, least, most);
    moved.push_back(free[static_cast<size_t>(place)]);
    least = place + 1;
  }
  return moved;
}

void purge_events(std::span<const int64_t> ids, int64_t columns, std::span<Fate> fates) {
  check_ids(ids, columns, fates.size());
  std::unordered_set<int64_t> tested;
  for (int64_t column = 0; column < columns; ++column) {
    const auto id_of = [&](size_t row) {
      return ids[row * static_cast<size_t>(columns) + static_cast<size_t>(column)];
    };
    tested.clear();
    for (size_t row = 0; row < fates.size(); ++row) {
      if (fates[row] == Fate::kTest && id_of(row) >= 0) tested.insert(id_of(row));
    }
    for (size_t row = 0; row < fates.size(); ++row) {
      if (fates[row] == Fate::kTrain && id_of(row) >= 0 && tested.contains(id_of(row)))
        fates[row] = Fate::kPurged;
    }
  }
}

std::vector<uint8_t> meets_window(const Intervals& intervals, std::span<const int64_t> start,
                                  std::span<const int64_t> end) {
  Segments windows;
  for (const size_t w : by_start(start, end)) windows.add(start[w], end[w]);
  std::vector<uint8_t> meets(static_cast<size_t>(intervals.size()));
  for (size_t i = 0; i < meets.size(); ++i)
    meets[i] = windows.overlaps(intervals.t0[i], intervals.t1[i]) ? 1 : 0;
  return meets;
}

}  // namespace smctrain::splits
