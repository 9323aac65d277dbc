#include "smctrain/labels/sequential_bootstrap.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "smctrain/base/rng.h"

using namespace smctrain::labels;  // NOLINT(google-build-using-namespace)

TEST_CASE("the probabilities of the example after label 1 was drawn") {
  const std::vector<int64_t> t0{-1, 1, 3};
  const std::vector<int64_t> t1{2, 3, 5};
  SequentialBootstrap bootstrap(t0, t1);
  bootstrap.take(1);
  const auto& v = bootstrap.values();
  const double total = std::accumulate(v.begin(), v.end(), 0.0);
  CHECK(v[0] / total == doctest::Approx(5.0 / 14));
  CHECK(v[1] / total == doctest::Approx(3.0 / 14));
  CHECK(v[2] / total == doctest::Approx(6.0 / 14));
  CHECK(bootstrap.pick(0.0) == 0);
  CHECK(bootstrap.pick(0.36) == 1);
  CHECK(bootstrap.pick(0.58) == 2);
  CHECK(bootstrap.pick(0.9999999999999999) == 2);
}

TEST_CASE("values after thousands of draws equal those of the dense table") {
  smctrain::Philox random(7, "test");
  const size_t labels = 300;
  std::vector<int64_t> t0(labels);
  std::vector<int64_t> t1(labels);
  for (size_t i = 0; i < labels; ++i) {
    t0[i] = random.below(500);
    t1[i] = t0[i] + 1 + random.below(i % 50 == 0 ? 300 : 25);
  }
  SequentialBootstrap bootstrap(t0, t1);
  std::vector<int64_t> drawn(900, 0);
  for (int k = 0; k < 2500; ++k) {
    const int64_t i = bootstrap.pick(random.uniform());
    bootstrap.take(i);
    for (int64_t b = t0[static_cast<size_t>(i)] + 1; b <= t1[static_cast<size_t>(i)]; ++b) {
      ++drawn[static_cast<size_t>(b)];
    }
  }
  double worst = 0.0;
  for (size_t j = 0; j < labels; ++j) {
    double sum = 0.0;
    for (int64_t b = t0[j] + 1; b <= t1[j]; ++b) {
      sum += 1.0 / static_cast<double>(1 + drawn[static_cast<size_t>(b)]);
    }
    const double expected = sum / static_cast<double>(t1[j] - t0[j]);
    worst = std::max(worst, std::abs(bootstrap.values()[j] / expected - 1.0));
  }
  CHECK(worst < 1e-11);
}
