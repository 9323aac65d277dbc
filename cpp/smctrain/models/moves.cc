#include "smctrain/models/moves.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/base/rng.h"

namespace smctrain::models {

namespace {

constexpr int64_t kFewBlocks = 8;
constexpr int64_t kBlockBytes = 4 << 20;  // changes of a block of rows: about what the second cache holds
constexpr int64_t kBlockRows = 128;
constexpr int64_t kStoreBytes = 32 << 20;  // predictions kept for scores of all rows

double logistic(double margin) { return 1.0 / (1.0 + std::exp(-margin)); }

void predict(Link link, int64_t width, double divisor, const double* sums, double* out) {
  switch (link) {
    case Link::kMean:
      for (int64_t c = 0; c < width; ++c) out[c] = sums[c] / divisor;
      break;
    case Link::kLogistic:
      out[0] = logistic(-sums[0]);
      out[1] = logistic(sums[0]);
      break;
    case Link::kSoftmax: {
      const double top = *std::max_element(sums, sums + width);
      double total = 0.0;
      for (int64_t c = 0; c < width; ++c) total += out[c] = sums[c] == top ? 1.0 : std::exp(sums[c] - top);
      for (int64_t c = 0; c < width; ++c) out[c] /= total;
      break;
    }
    case Link::kOneVsRest: {
      double total = 0.0;
      for (int64_t c = 0; c < width; ++c) total += out[c] = logistic(std::max(sums[c], -700.0));
      for (int64_t c = 0; c < width; ++c) out[c] /= total;
      break;
    }
    case Link::kIdentity:
    case Link::kSorted:
      std::copy_n(sums, width, out);
      if (link == Link::kSorted) std::sort(out, out + width);
      break;
  }
}

}  // namespace

std::vector<int32_t> permuted_rows(int64_t rows, int64_t horizon, int64_t repeats, uint64_t seed,
                                   MoveMethod method) {
  if (horizon < 1) raise("InputError", "horizon must be an integer of at least 1, but is ", horizon, ".");
  if (repeats < 1) raise("InputError", "n_repeats must be an integer of at least 1, but is ", repeats, ".");
  const int64_t times = method == MoveMethod::kShift ? 8 : 4;
  if (horizon > rows || rows <= times * horizon) {
    raise("InputError", "X must have more than ", times, " x horizon = ", times, " x ", horizon,
          " rows, so that rows can move further than their labels reach, but has ", rows, ".");
  }
  const int64_t length = 2 * horizon;
  const int64_t blocks = (rows + length - 1) / length;
  const int64_t least = method == MoveMethod::kShift ? 4 * horizon : length;
  std::vector<int32_t> sources;
  sources.reserve(static_cast<size_t>(rows * repeats));
  for (int64_t r = 0; r < repeats; ++r) {
    Philox stream(seed, format("permute/", r));
    if (method == MoveMethod::kShift || blocks < kFewBlocks) {
      const int64_t shift = least + stream.below(rows - 2 * least + 1);
      for (int64_t i = 0; i < rows; ++i) sources.push_back(static_cast<int32_t>((i + shift) % rows));
      continue;
    }
    std::vector<int64_t> order(static_cast<size_t>(blocks));
    std::iota(order.begin(), order.end(), 0);
    for (int64_t b = blocks - 1; b > 0; --b) {
      std::swap(order[static_cast<size_t>(b)], order[static_cast<size_t>(stream.below(b + 1))]);
    }
    for (const int64_t block : order) {
      const int64_t end = std::min(rows, (block + 1) * length);
      for (int64_t i = block * length; i < end; ++i) sources.push_back(static_cast<int32_t>(i));
    }
  }
  return sources;
}

void check_moves(const Moves& moves, int64_t rows, int64_t cols) {
  if (moves.repeats < 1 || static_cast<int64_t>(moves.sources.size()) != moves.repeats * rows) {
    raise("InputError", "sources must hold ", rows, " rows for each repeat.");
  }
  for (const int32_t source : moves.sources) {
    if (source < 0 || source >= rows) raise("InputError", "sources must lie in 0..", rows - 1, ".");
  }
  if (static_cast<int64_t>(moves.group_of.size()) != cols) {
    raise("InputError", "groups must have one entry for each of the ", cols, " columns, but has ",
          moves.group_of.size(), ".");
  }
  for (const int32_t group : moves.group_of) {
    if (group < -1 || group >= moves.groups) {
      raise("InputError", "groups must lie in -1..", moves.groups - 1, ", but ", group, " is among them.");
    }
  }
}

MovedScores score_moves(const Score& score, Link link, int64_t width, double divisor, const Moves& moves,
                        int threads, const StopToken& stop, const FillBlock& fill) {
  const int64_t rows = score.rows();
  const int64_t k = score.width();
  const int64_t slots = score.slots();
  const int64_t repeats = moves.repeats;
  MovedScores result;
  result.moved.assign(static_cast<size_t>(moves.groups * repeats), 0.0);
  int64_t groups_a_pass = moves.groups;
  if (!score.adds_up()) {
    groups_a_pass = std::max<int64_t>(1, kStoreBytes / (rows * k * 8 * repeats));
  }
  std::atomic<bool> stopped{false};
  int64_t first = 0;
  do {
    const int64_t last = std::min(moves.groups, first + groups_a_pass);
    const int64_t n_moved = (last - first) * repeats;
    const int64_t bytes_a_row = std::max<int64_t>(1, n_moved) * width * 8;
    const int64_t block_rows = std::clamp<int64_t>(kBlockBytes / bytes_a_row, 1, kBlockRows);
    const int64_t blocks = (rows + block_rows - 1) / block_rows;
    std::vector<double> sums;  // blocks x (n_moved + 1) x slots, the last one: nothing moved
    std::vector<double> kept;  // (n_moved + 1) x rows x k
    if (score.adds_up()) {
      sums.assign(static_cast<size_t>(blocks * (n_moved + 1) * slots), 0.0);
    } else {
      kept.resize(static_cast<size_t>((n_moved + 1) * rows * k));
    }
    parallel_for(blocks, threads, [&](int64_t b) {
      const int64_t begin = b * block_rows;
      const int64_t end = std::min(rows, begin + block_rows);
      const int64_t size = end - begin;
      std::vector<double> base(static_cast<size_t>(size * width), 0.0);
      std::vector<double> change(static_cast<size_t>(n_moved * size * width), 0.0);
      if (stop.stop_requested() || !fill({begin, end, first, last, base.data(), change.data()})) {
        stopped.store(true, std::memory_order_relaxed);
        return;
      }
      std::vector<double> values(static_cast<size_t>(width));
      std::vector<double> predicted(static_cast<size_t>(size * k));
      std::vector<double> base_slots(static_cast<size_t>(size * slots), 0.0);
      std::vector<double> moved(static_cast<size_t>(k));
      for (int64_t i = 0; i < size; ++i) {
        predict(link, width, divisor, base.data() + i * width, predicted.data() + i * k);
        score.add(begin + i, predicted.data() + i * k, base_slots.data() + i * slots);
      }
      for (int64_t m = 0; m <= n_moved; ++m) {
        for (int64_t i = 0; i < size; ++i) {
          const double* delta = m < n_moved ? change.data() + (m * size + i) * width : nullptr;
          const bool is_base =
              delta == nullptr || std::all_of(delta, delta + width, [](double v) { return v == 0.0; });
          const double* out = predicted.data() + i * k;
          if (!is_base) {
            for (int64_t c = 0; c < width; ++c)
              values[static_cast<size_t>(c)] = base[static_cast<size_t>(i * width + c)] + delta[c];
            predict(link, width, divisor, values.data(), moved.data());
            out = moved.data();
          }
          if (!score.adds_up()) {
            std::copy_n(out, k, kept.data() + (m * rows + begin + i) * k);
            continue;
          }
          double* sum = sums.data() + (b * (n_moved + 1) + m) * slots;
          if (is_base) {
            for (int64_t s = 0; s < slots; ++s) sum[s] += base_slots[static_cast<size_t>(i * slots + s)];
          } else {
            score.add(begin + i, out, sum);
          }
        }
      }
    });
    if (stopped.load()) {
      result.complete = false;
      return result;
    }
    parallel_for(n_moved + 1, threads, [&](int64_t m) {
      double value = 0.0;
      if (score.adds_up()) {
        std::vector<double> total(static_cast<size_t>(slots), 0.0);
        for (int64_t b = 0; b < blocks; ++b) {
          for (int64_t s = 0; s < slots; ++s)
            total[static_cast<size_t>(s)] += sums[static_cast<size_t>((b * (n_moved + 1) + m) * slots + s)];
        }
        value = score.finish(total.data());
      } else {
        value = score.of(kept.data() + m * rows * k);
      }
      (m < n_moved ? result.moved[static_cast<size_t>(first * repeats + m)] : result.baseline) = value;
    });
    first = last;
  } while (first < moves.groups);
  return result;
}

}  // namespace smctrain::models
