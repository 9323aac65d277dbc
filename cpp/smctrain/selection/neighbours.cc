#include "smctrain/selection/neighbours.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace smctrain::selection {

namespace {

constexpr size_t kPoll = 512;  // points between two looks at the stop token

// Points of the sorted list within radius of its k-th one, itself included. Distances are compared as
// computed, which keeps their order because rounding does.
int64_t within(const std::vector<double>& sorted, size_t k, double radius) {
  const double x = sorted[k];
  const auto begin = std::partition_point(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(k),
                                          [&](double other) { return std::abs(other - x) > radius; });
  const auto end = std::partition_point(sorted.begin() + static_cast<std::ptrdiff_t>(k), sorted.end(),
                                        [&](double other) { return std::abs(other - x) <= radius; });
  return end - begin;
}

std::vector<size_t> order_of(std::span<const double> x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] < x[b]; });
  return order;
}

std::vector<double> taken(std::span<const double> x, const std::vector<size_t>& order) {
  std::vector<double> values(order.size());
  for (size_t k = 0; k < order.size(); ++k) values[k] = x[order[k]];
  return values;
}

double below(double distance) { return std::nextafter(distance, 0.0); }

}  // namespace

double digamma(double x) {
  double shift = 0.0;
  while (x < 10.0) {
    shift -= 1.0 / x;
    x += 1.0;
  }
  const double r = 1.0 / (x * x);
  const double series =
      r *
      (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252 - r * (1.0 / 240 - r * (1.0 / 132 - r * 691.0 / 32760)))));
  return shift + std::log(x) - 0.5 / x - series;
}

double information_of_numbers(std::span<const double> x, std::span<const double> y, int k,
                              const StopToken& stop) {
  const size_t n = x.size();
  const auto order = order_of(x);
  const auto xs = taken(x, order);
  const auto ys = taken(y, order);
  const auto y_order = order_of(ys);
  const auto y_sorted = taken(ys, y_order);
  std::vector<size_t> y_place(n);
  for (size_t place = 0; place < n; ++place) y_place[y_order[place]] = place;
  std::vector<double> nearest;
  double sum = 0.0;
  for (size_t i = 0; i < n; ++i) {
    if (i % kPoll == 0 && stop.stop_requested()) return 0.0;
    // Outwards along x, nearer side first, until x alone is farther than the k-th neighbour.
    nearest.clear();
    size_t left = i;       // next on the left is left - 1
    size_t right = i + 1;  // next on the right
    while (left > 0 || right < n) {
      const bool go_left = right >= n || (left > 0 && xs[i] - xs[left - 1] <= xs[right] - xs[i]);
      const size_t other = go_left ? --left : right++;
      const double dx = std::abs(xs[other] - xs[i]);
      if (nearest.size() == static_cast<size_t>(k) && dx >= nearest.front()) break;
      const double distance = std::max(dx, std::abs(ys[other] - ys[i]));
      if (nearest.size() < static_cast<size_t>(k)) {
        nearest.push_back(distance);
        std::push_heap(nearest.begin(), nearest.end());
      } else if (distance < nearest.front()) {
        std::pop_heap(nearest.begin(), nearest.end());
        nearest.back() = distance;
        std::push_heap(nearest.begin(), nearest.end());
      }
    }
    const double radius = below(nearest.front());
    sum += digamma(static_cast<double>(within(xs, i, radius))) +
           digamma(static_cast<double>(within(y_sorted, y_place[i], radius)));
  }
  const auto rows = static_cast<double>(n);
  return std::max(0.0, digamma(rows) + digamma(k) - sum / rows);
}

double information_of_classes(std::span<const double> x, std::span<const int32_t> codes, int64_t n_classes,
                              int k, const StopToken& stop) {
  std::vector<std::vector<size_t>> members(static_cast<size_t>(n_classes));
  for (size_t i = 0; i < x.size(); ++i) members[static_cast<size_t>(codes[i])].push_back(i);
  std::vector<double> used;    // values of classes with at least two rows
  std::vector<double> radius;  // of each
  double sum = 0.0;
  for (auto& rows : members) {
    const size_t m = rows.size();
    if (m < 2 || stop.stop_requested()) continue;
    std::stable_sort(rows.begin(), rows.end(), [&](size_t a, size_t b) { return x[a] < x[b]; });
    const size_t neighbours = std::min(static_cast<size_t>(k), m - 1);
    for (size_t i = 0; i < m; ++i) {
      size_t left = i;
      size_t right = i + 1;
      double distance = 0.0;
      for (size_t found = 0; found < neighbours; ++found) {
        const bool go_left =
            right >= m || (left > 0 && x[rows[i]] - x[rows[left - 1]] <= x[rows[right]] - x[rows[i]]);
        const size_t other = go_left ? --left : right++;
        distance = std::abs(x[rows[other]] - x[rows[i]]);
      }
      used.push_back(x[rows[i]]);
      radius.push_back(below(distance));
    }
    sum +=
        static_cast<double>(m) * (digamma(static_cast<double>(neighbours)) - digamma(static_cast<double>(m)));
  }
  if (used.empty()) return 0.0;
  const auto order = order_of(used);
  const auto sorted = taken(used, order);
  for (size_t place = 0; place < order.size(); ++place) {
    if (place % kPoll == 0 && stop.stop_requested()) return 0.0;
    sum -= digamma(static_cast<double>(within(sorted, place, radius[order[place]])));
  }
  const auto rows = static_cast<double>(used.size());
  return std::max(0.0, digamma(rows) + sum / rows);
}

}  // namespace smctrain::selection
