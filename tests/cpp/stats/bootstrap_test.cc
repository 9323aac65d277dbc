#include "smctrain/stats/bootstrap.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "smctrain/stats/data_snooping.h"
#include "smctrain/stats/shift_correlation.h"

using namespace smctrain;
using namespace smctrain::stats;

TEST_CASE("Bootstrap.EveryResampleHasAsManyRowsAsTheData") {
  for (const double block : {1.0, 2.0, 30.0, 1e9}) {
    for (const int64_t n : {1, 2, 7, 500}) {
      Philox stream(1, "bootstrap_test");
      for (int turn = 0; turn < 20; ++turn) {
        int64_t rows = 0;
        stationary_pieces(n, block, stream, [&](int64_t begin, int64_t end) {
          CHECK(begin >= 0);
          CHECK(begin < end);
          CHECK(end <= n);
          rows += end - begin;
        });
        CHECK(rows == n);
      }
    }
  }
}

TEST_CASE("Bootstrap.BlocksLastAsLongAsAskedOnAverage") {
  const double block = 20.0;
  Philox stream(2, "bootstrap_test");
  double pieces = 0.0;
  const int64_t n = 2'000'000;
  stationary_pieces(n, block, stream, [&](int64_t, int64_t) { pieces += 1.0; });
  CHECK(static_cast<double>(n) / pieces == doctest::Approx(block).epsilon(0.02));
}

TEST_CASE("Bootstrap.AConstantSeriesHasAConstantMean") {
  const std::vector<double> values(50, 0.1);
  for (const double mean : bootstrap_means(values, {5.0, 20, 3, 2}, StopToken{}))
    CHECK(mean == doctest::Approx(0.1));
  CHECK(stationary_bootstrap_variance(values, 5.0) == 0.0);
}

TEST_CASE("ShiftCorrelation.EqualsItsDefinitionAtEveryShift") {
  const int64_t n = 37;
  Philox stream(3, "shift_correlation");
  std::vector<std::vector<double>> y(2, std::vector<double>(n));
  std::vector<std::vector<double>> a = y;
  std::vector<std::vector<double>> b = y;
  for (auto* channels : {&y, &a, &b}) {
    for (auto& channel : *channels) {
      for (double& value : channel) value = stream.normal();
    }
  }
  ShiftCorrelation correlation(n);
  for (const auto& channel : y) correlation.add_channel(channel);
  const auto found =
      correlation.correlate([&](size_t c, size_t t) { return std::complex<double>{a[c][t], b[c][t]}; });
  REQUIRE(found.size() == static_cast<size_t>(n));
  for (int64_t s = 0; s < n; ++s) {
    double of_a = 0.0;
    double of_b = 0.0;
    for (size_t c = 0; c < 2; ++c) {
      for (int64_t t = 0; t < n; ++t) {
        const double label = y[c][static_cast<size_t>((t - s + n) % n)];
        of_a += a[c][static_cast<size_t>(t)] * label;
        of_b += b[c][static_cast<size_t>(t)] * label;
      }
    }
    CHECK(found[static_cast<size_t>(s)].real() == doctest::Approx(of_a).epsilon(1e-12));
    CHECK(found[static_cast<size_t>(s)].imag() == doctest::Approx(of_b).epsilon(1e-12));
  }
}

TEST_CASE("DataSnooping.ABenchmarkThatIsNeverBeatenGivesPOne") {
  const std::vector<double> worse(100, -1.0);
  const auto result = data_snooping({worse.data(), 50, 2, 2}, 0.05, {2.0, 99, 1, 1}, StopToken{});
  CHECK(result.spa_p == 1.0);
  CHECK(result.white_p == 1.0);
  CHECK(result.is_superior == std::vector<uint8_t>{0, 0});
}
