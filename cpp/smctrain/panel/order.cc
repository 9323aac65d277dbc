#include "smctrain/panel/order.h"

#include <algorithm>
#include <utility>

#include "smctrain/base/error.h"

namespace smctrain::panel {

namespace {

void check(std::span<const std::span<const int64_t>> stamps, std::span<const std::string> names) {
  if (stamps.size() != names.size()) raise("InputError", "internal: one name per symbol is needed.");
  for (size_t s = 0; s < stamps.size(); ++s) {
    const auto& own = stamps[s];
    for (size_t i = 1; i < own.size(); ++i) {
      if (own[i] > own[i - 1]) continue;
      raise(
          "InputError", names[s], ": bars must have strictly ascending times, but row ", i,
          own[i] == own[i - 1] ? " has the time of the row before it" : " is earlier than the row before it",
          ". Read the bars with fix=(\"sort\", \"drop-duplicates\").");
    }
  }
}

}  // namespace

Order merge(std::span<const std::span<const int64_t>> stamps, std::span<const std::string> names,
            const StopToken& stop) {
  check(stamps, names);
  using Next = std::pair<int64_t, int32_t>;  // (stamp, symbol): the smallest is the next row
  const auto later = [](const Next& a, const Next& b) { return a > b; };
  std::vector<Next> heap;
  std::vector<int64_t> at(stamps.size(), 0);
  size_t rows = 0;
  for (size_t s = 0; s < stamps.size(); ++s) {
    rows += stamps[s].size();
    if (!stamps[s].empty()) heap.emplace_back(stamps[s][0], static_cast<int32_t>(s));
  }
  std::make_heap(heap.begin(), heap.end(), later);

  Order order;
  order.time.reserve(rows);
  order.symbol.reserve(rows);
  order.bar.reserve(rows);
  while (!heap.empty()) {
    if (order.time.size() % 65536 == 0 && stop.stop_requested()) break;
    std::pop_heap(heap.begin(), heap.end(), later);
    const auto [time, symbol] = heap.back();
    const auto s = static_cast<size_t>(symbol);
    if (order.time.empty() || time != order.time.back()) {
      order.start.push_back(static_cast<int64_t>(order.time.size()));
    }
    order.time.push_back(time);
    order.symbol.push_back(symbol);
    order.bar.push_back(at[s]++);
    if (at[s] < static_cast<int64_t>(stamps[s].size())) {
      heap.back().first = stamps[s][static_cast<size_t>(at[s])];
      std::push_heap(heap.begin(), heap.end(), later);
    } else {
      heap.pop_back();
    }
  }
  order.start.push_back(static_cast<int64_t>(order.time.size()));
  return order;
}

void keep(Order& order, int64_t min_count, int64_t max_rows) {
  const size_t stamps = order.start.size() - 1;
  const auto count = [&](size_t k) { return order.start[k + 1] - order.start[k]; };
  std::vector<uint8_t> kept(stamps, 0);
  int64_t total = 0;
  for (size_t k = stamps; k-- > 0;) {
    if (count(k) < min_count) continue;
    if (max_rows > 0 && total + count(k) > max_rows) {
      if (total == 0) {
        raise("InputError", "max_rows must leave room for one stamp, but is ", max_rows,
              ", and the newest stamp has ", count(k), " rows.");
      }
      break;
    }
    kept[k] = 1;
    total += count(k);
  }
  // Rows only move towards the front, so one pass can do it in place.
  std::vector<int64_t> start;
  size_t to = 0;
  for (size_t k = 0; k < stamps; ++k) {
    if (kept[k] == 0) continue;
    start.push_back(static_cast<int64_t>(to));
    for (auto i = static_cast<size_t>(order.start[k]); i < static_cast<size_t>(order.start[k + 1]);
         ++i, ++to) {
      order.time[to] = order.time[i];
      order.symbol[to] = order.symbol[i];
      order.bar[to] = order.bar[i];
    }
  }
  start.push_back(static_cast<int64_t>(to));
  order.time.resize(to);
  order.symbol.resize(to);
  order.bar.resize(to);
  order.start = std::move(start);
}

}  // namespace smctrain::panel
