#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"
#include "smctrain/selection/boruta.h"
#include "smctrain/selection/correlation.h"
#include "smctrain/selection/neighbours.h"
#include "smctrain/selection/stability.h"
#include "smctrain/stats/beta.h"

using namespace smctrain;
using namespace smctrain::selection;

namespace {

constexpr int64_t kRows = 1200;
constexpr int64_t kCols = 6;

// Column 0 decides the label most of the time; the others are noise.
struct Planted {
  std::vector<float> values;
  std::vector<int32_t> labels;
  MatrixView<const float> view() const { return {values.data(), kRows, kCols, kCols}; }
  Target target() const { return {labels, {}, 2, {}}; }
};

Planted planted(uint64_t seed) {
  Planted data;
  Philox stream(seed, "test/planted");
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < kCols; ++j) data.values.push_back(static_cast<float>(stream.normal()));
    const double signal = data.values[static_cast<size_t>(i * kCols)];
    data.labels.push_back(signal + 0.7 * stream.normal() > 0.0 ? 1 : 0);
  }
  return data;
}

models::BinnedMatrix binned(const Planted& data) {
  std::vector<int64_t> all(kRows);
  std::iota(all.begin(), all.end(), 0);
  return models::bin_matrix(data.view(), all, models::kMaxByteBins, 1, StopToken());
}

}  // namespace

TEST_CASE("the incomplete beta function has its closed forms") {
  CHECK(stats::incomplete_beta(1.0, 1.0, 0.3) == doctest::Approx(0.3).epsilon(1e-14));
  CHECK(stats::incomplete_beta(2.0, 1.0, 0.3) == doctest::Approx(0.09).epsilon(1e-13));
  CHECK(stats::incomplete_beta(0.5, 0.5, 0.5) == doctest::Approx(0.5).epsilon(1e-14));
  CHECK(stats::f_survival(1.0, 7.0, 7.0) == doctest::Approx(0.5).epsilon(1e-13));
}

TEST_CASE("the coin test equals the sum of its tail") {
  // 2 (1 + 5) / 32, and the middle of an even number is certain.
  CHECK(stats::fair_coin_p(1, 5) == doctest::Approx(0.375).epsilon(1e-13));
  CHECK(stats::fair_coin_p(4, 5) == doctest::Approx(0.375).epsilon(1e-13));
  CHECK(stats::fair_coin_p(0, 5) == doctest::Approx(0.0625).epsilon(1e-13));
  CHECK(stats::fair_coin_p(25, 50) == 1.0);
  CHECK(stats::fair_coin_p(0, 0) == 1.0);
}

TEST_CASE("digamma has its closed values") {
  constexpr double kEuler = 0.57721566490153286;
  CHECK(digamma(1.0) == doctest::Approx(-kEuler).epsilon(1e-13));
  CHECK(digamma(2.0) == doctest::Approx(1.0 - kEuler).epsilon(1e-13));
  CHECK(digamma(0.5) == doctest::Approx(-kEuler - 2.0 * std::log(2.0)).epsilon(1e-13));
}

TEST_CASE("of a chain only the middle goes when an end is the strongest") {
  // A-B and B-C correlate, A and C do not.
  const std::vector<double> r{1.0, 0.95, 0.1, 0.95, 1.0, -0.95, 0.1, -0.95, 1.0};
  const MatrixView<const double> matrix{r.data(), 3, 3, 3};
  CHECK(prune_correlated(matrix, std::vector<double>{3.0, 2.0, 1.0}, 0.9, 0) ==
        std::vector<int64_t>{-1, 0, -1});
  // The strongest in the middle takes both ends, a tie goes to the earlier column.
  CHECK(prune_correlated(matrix, std::vector<double>{1.0, 2.0, 1.0}, 0.9, 0) ==
        std::vector<int64_t>{1, -1, 1});
  CHECK(prune_correlated(matrix, std::vector<double>{1.0, 1.0, 1.0}, 0.9, 0) ==
        std::vector<int64_t>{-1, 0, -1});
  // Two must stay: the stronger of the dropped comes back.
  CHECK(prune_correlated(matrix, std::vector<double>{1.0, 2.0, 1.5}, 0.9, 2) ==
        std::vector<int64_t>{1, -1, -1});
  // A correlation of exactly the limit is allowed.
  CHECK(prune_correlated(matrix, std::vector<double>{3.0, 2.0, 1.0}, 0.95, 0) ==
        std::vector<int64_t>{-1, -1, -1});
}

TEST_CASE("the halves are complementary blocks") {
  const auto halves = half_samples(103, 10, 4, 9);  // 11 blocks, one sits out
  std::vector<int> seen(11, 0);
  for (const auto& half : halves) {
    CHECK(std::is_sorted(half.begin(), half.end()));
    std::vector<int> blocks;
    for (const int64_t row : half) {
      if (blocks.empty() || blocks.back() != row / 10) blocks.push_back(static_cast<int>(row / 10));
    }
    CHECK(blocks.size() == 5);
    for (const int block : blocks) ++seen[static_cast<size_t>(block)];
  }
  CHECK(std::count(seen.begin(), seen.end(), 1) == 10);
  CHECK(std::count(seen.begin(), seen.end(), 0) == 1);
  CHECK(half_samples(103, 10, 4, 9) == halves);
  CHECK(half_samples(103, 10, 5, 9) != halves);
}

TEST_CASE("boruta and stability give the same numbers for any thread count") {
  const Planted data = planted(3);
  const auto codes = binned(data);
  BorutaSettings settings{4, 12, 30, 5, 0.05, true, true, 11, 1};
  const auto one = circular_boruta(codes, data.target(), settings, StopToken());
  StabilitySettings halves{16, 4, 2, {true, true, true}, {20, 5, 0}, 16, 5, 1};
  const auto first = stability_selection(data.view(), data.target(), halves, StopToken());
  for (const int threads : {2, 4}) {
    settings.threads = threads;
    const auto many = circular_boruta(codes, data.target(), settings, StopToken());
    CHECK(many.hits == one.hits);
    CHECK(many.importance == one.importance);
    CHECK(many.best_shadow == one.best_shadow);
    halves.threads = threads;
    const auto other = stability_selection(data.view(), data.target(), halves, StopToken());
    CHECK(other.chosen == first.chosen);
    CHECK(other.consensus == first.consensus);
  }
  CHECK(one.decision[0] == 1);
  CHECK(*std::max_element(one.decision.begin() + 1, one.decision.end()) < 1);
  CHECK(first.chosen[0] == 8);
}

TEST_CASE("fewer repeats are the first of more repeats") {
  const Planted data = planted(5);
  const auto codes = binned(data);
  BorutaSettings settings{4, 6, 20, 5, 0.05, true, true, 11, 2};
  const auto more = circular_boruta(codes, data.target(), settings, StopToken());
  settings.repeats = 4;
  const auto fewer = circular_boruta(codes, data.target(), settings, StopToken());
  CHECK(std::equal(fewer.best_shadow.begin(), fewer.best_shadow.end(), more.best_shadow.begin()));
}

TEST_CASE("a stop request ends both with what is finished") {
  const Planted data = planted(3);
  uint8_t flag = 1;
  const StopToken stop(&flag);
  const auto boruta =
      circular_boruta(binned(data), data.target(), {4, 12, 30, 5, 0.05, true, true, 1, 2}, stop);
  CHECK(boruta.repeats == 0);
  CHECK(boruta.stop_reason == StopReason::kCancelled);
  CHECK(boruta.decision == std::vector<int8_t>(kCols, 0));
  const auto halves =
      stability_selection(data.view(), data.target(), {16, 4, 2, {}, {20, 5, 0}, 16, 5, 2}, stop);
  CHECK(halves.samples == 0);
  CHECK(halves.stop_reason == StopReason::kCancelled);
}

TEST_CASE("too few rows for shifts and blocks are refused") {
  const Planted data = planted(3);
  const auto codes = binned(data);
  CHECK_THROWS_AS(circular_boruta(codes, data.target(), {150, 2, 5, 3, 0.05, true, true, 1, 1}, StopToken()),
                  Error);
  CHECK_THROWS_AS(
      stability_selection(data.view(), data.target(), {700, 4, 2, {}, {20, 5, 0}, 16, 5, 2}, StopToken()),
      Error);
}
