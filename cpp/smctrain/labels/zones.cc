#include "smctrain/labels/zones.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <tuple>

#include "smctrain/base/error.h"

namespace smctrain::labels {

namespace {

std::vector<size_t> in_order_of(std::span<const int64_t> keys) {
  std::vector<size_t> order(keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return keys[a] < keys[b]; });
  return order;
}

double distance(const ZoneColumns& zones, size_t z, double close) {
  return std::max({0.0, close - zones.top[z], zones.bottom[z] - close});
}

void check(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
           const ZoneColumns& zones) {
  if (side.size() != rows.size()) {
    raise("InputError", "side must have one value a decision row (", rows.size(), "), but has ", side.size(),
          ".");
  }
  for (size_t k = 0; k < rows.size(); ++k) {
    if (rows[k] < 0 || rows[k] >= bars.size()) {
      raise("InputError", "rows must lie in 0..", bars.size() - 1, ", but entry ", k, " is ", rows[k], ".");
    }
  }
  const size_t m = zones.side.size();
  for (const size_t size : {zones.origin.size(), zones.known_at.size(), zones.invalidated_at.size(),
                            zones.top.size(), zones.bottom.size()}) {
    if (size != m)
      raise("InputError", "columns of a zone table must have ", m, " values, but one has ", size, ".");
  }
  for (size_t z = 0; z < m; ++z) {
    if (zones.known_at[z] < 0 || zones.known_at[z] >= bars.size()) {
      raise("InputError", "known_at of a zone must lie in 0..", bars.size() - 1, ", but zone ", z, " has ",
            zones.known_at[z], ". Was the table made from other bars?");
    }
    if (!(zones.bottom[z] <= zones.top[z])) {
      raise("InputError", "bottom of a zone must not be above its top, but zone ", z, " reaches from ",
            zones.bottom[z], " to ", zones.top[z], ".");
    }
  }
}

}  // namespace

std::vector<int64_t> nearest_zones(const BarsView& bars, std::span<const int64_t> rows,
                                   std::span<const int8_t> side, const ZoneColumns& zones) {
  check(bars, rows, side, zones);
  std::vector<int64_t> out(rows.size(), -1);
  const auto arrivals = in_order_of(zones.known_at);
  std::vector<size_t> alive;
  size_t next = 0;
  for (const size_t k : in_order_of(rows)) {
    const int64_t t = rows[k];
    for (; next < arrivals.size() && zones.known_at[arrivals[next]] <= t; ++next)
      alive.push_back(arrivals[next]);
    std::erase_if(alive,
                  [&](size_t z) { return zones.invalidated_at[z] >= 0 && zones.invalidated_at[z] <= t; });
    const double close = bars.close[static_cast<size_t>(t)];
    std::tuple<double, int64_t, int64_t> best;
    for (const size_t z : alive) {
      if (zones.side[z] != side[k]) continue;
      const std::tuple<double, int64_t, int64_t> rank{distance(zones, z, close), -zones.known_at[z],
                                                      -zones.origin[z]};
      if (out[k] >= 0 && !(rank < best)) continue;
      best = rank;
      out[k] = static_cast<int64_t>(z);
    }
  }
  return out;
}

}  // namespace smctrain::labels
