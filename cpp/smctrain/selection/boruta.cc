#include "smctrain/selection/boruta.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/base/rng.h"
#include "smctrain/selection/importance.h"
#include "smctrain/stats/beta.h"
#include "smctrain/stats/multiple_testing.h"

namespace smctrain::selection {

namespace {

constexpr int64_t kFewestRows = 8;

std::vector<int64_t> every(int64_t step, int64_t offset, int64_t rows) {
  std::vector<int64_t> kept;
  for (int64_t i = offset; i < rows; i += step) kept.push_back(i);
  return kept;
}

// Where each row of one column's shadow comes from.
class Source {
 public:
  Source(const BorutaSettings& settings, int64_t rows, Philox& stream) : rows_(rows) {
    if (settings.circular) {
      const int64_t least = 4 * settings.horizon;
      shift_ = least + stream.below(rows - 2 * least + 1);
      return;
    }
    order_.resize(static_cast<size_t>(rows));
    std::iota(order_.begin(), order_.end(), 0);
    for (int64_t i = rows - 1; i > 0; --i) {
      std::swap(order_[static_cast<size_t>(i)], order_[static_cast<size_t>(stream.below(i + 1))]);
    }
  }
  int64_t of(int64_t row) const {
    return order_.empty() ? (row + shift_) % rows_ : order_[static_cast<size_t>(row)];
  }

 private:
  int64_t rows_;
  int64_t shift_ = 0;
  std::vector<int64_t> order_;
};

}  // namespace

BorutaResult circular_boruta(const models::BinnedMatrix& binned, const Target& target,
                             const BorutaSettings& settings, const StopToken& stop) {
  check_target(target, binned.rows);
  const int64_t h = settings.horizon;
  const int64_t n = binned.rows;
  const int64_t d = binned.cols;
  if (h < 1) raise("InputError", "horizon must be at least 1, but is ", h, ".");
  if (settings.repeats < 1) raise("InputError", "repeats must be at least 1, but is ", settings.repeats, ".");
  if (settings.circular && n < 8 * h + 2) {
    raise("TooFewRows", "shifts of at least 4 x horizon = ", 4 * h, " rows need at least ", 8 * h + 2,
          " rows, but there are ", n, ". Give more history or shorten the horizon.");
  }
  const int64_t step = settings.thin ? h : 1;
  if (n / step < kFewestRows) {
    raise("TooFewRows", "every ", step, "th of ", n, " rows leaves ", n / step, " rows, and a forest needs ",
          kFewestRows, " here. Give more history or shorten the horizon.");
  }

  const auto slots = static_cast<size_t>(settings.repeats);
  std::vector<std::vector<double>> importances(slots);
  std::vector<uint8_t> finished(slots, 0);
  parallel_for(settings.repeats, settings.threads, [&](int64_t r) {
    if (stop.stop_requested()) return;
    Philox stream(settings.seed, format("boruta/shadows/", r));
    const auto rows = every(step, r % step, n);
    const auto m = static_cast<int64_t>(rows.size());
    models::BinnedMatrix both;
    both.rows = m;
    both.cols = 2 * d;
    both.codes.resize(static_cast<size_t>(2 * d * m));
    both.edges = binned.edges;
    both.edges.insert(both.edges.end(), binned.edges.begin(), binned.edges.end());
    both.centres = binned.centres;
    both.centres.insert(both.centres.end(), binned.centres.begin(), binned.centres.end());
    for (int64_t j = 0; j < d; ++j) {
      const Source source(settings, n, stream);
      const uint8_t* column = binned.column<uint8_t>(j);
      uint8_t* own = both.codes.data() + j * m;
      uint8_t* shadow = both.codes.data() + (d + j) * m;
      for (int64_t i = 0; i < m; ++i) {
        own[i] = column[rows[static_cast<size_t>(i)]];
        shadow[i] = column[source.of(rows[static_cast<size_t>(i)])];
      }
    }
    const RowTarget taken = rows_of(target, rows);
    std::vector<int64_t> all(static_cast<size_t>(m));
    std::iota(all.begin(), all.end(), 0);
    const uint64_t seed = Philox(settings.seed, format("boruta/forest/", r)).next();
    auto& found = importances[static_cast<size_t>(r)];
    if (forest_importance(both, all, taken.view(target.n_classes),
                          {settings.n_trees, settings.max_depth, seed}, stop, found)) {
      finished[static_cast<size_t>(r)] = 1;
    }
  });

  BorutaResult result;
  result.hits.assign(static_cast<size_t>(d), 0);
  result.importance.assign(static_cast<size_t>(d), 0.0);
  for (size_t r = 0; r < slots && finished[r] != 0; ++r) {
    const auto& values = importances[r];
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(d);
    const double best = d > 0 ? *std::max_element(middle, values.end()) : 0.0;
    result.best_shadow.push_back(best);
    for (size_t j = 0; j < static_cast<size_t>(d); ++j) {
      result.hits[j] += values[j] > best ? 1 : 0;
      result.importance[j] += values[j];
    }
    ++result.repeats;
  }
  if (result.repeats < settings.repeats) result.stop_reason = stop.reason();
  result.decision.assign(static_cast<size_t>(d), 0);
  for (size_t j = 0; j < static_cast<size_t>(d); ++j) {
    if (result.repeats > 0) result.importance[j] /= static_cast<double>(result.repeats);
    result.p.push_back(stats::fair_coin_p(result.hits[j], result.repeats));
  }
  if (d == 0) return result;
  const auto accepted = stats::benjamini_hochberg(result.p, settings.level);
  for (size_t j = 0; j < static_cast<size_t>(d); ++j) {
    if (accepted[j] != 0) result.decision[j] = 2 * result.hits[j] > result.repeats ? 1 : -1;
  }
  return result;
}

}  // namespace smctrain::selection
