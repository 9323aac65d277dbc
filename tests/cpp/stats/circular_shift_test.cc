#include "smctrain/stats/circular_shift.h"

#include <doctest/doctest.h>

#include <cmath>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"

using namespace smctrain;
using namespace smctrain::stats;

namespace {

// sum_t [prediction_t == y_(t-s)]
int64_t hits(const std::vector<int32_t>& y, const int32_t* prediction, int64_t s) {
  const auto n = static_cast<int64_t>(y.size());
  int64_t count = 0;
  for (int64_t t = 0; t < n; ++t) count += prediction[t] == y[static_cast<size_t>((t - s + n) % n)] ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("CircularShift.CountsAreExactOnLongSeries") {
  const int64_t n = 5003;  // no power of two, so the padded correlation must be folded
  const int64_t k = 3;
  Philox stream(3, "circular_shift");
  std::vector<int32_t> y(static_cast<size_t>(n));
  std::vector<int32_t> predictions(static_cast<size_t>(k * n));
  for (auto& code : y) code = static_cast<int32_t>(stream.below(3));
  for (auto& code : predictions) code = static_cast<int32_t>(stream.below(4)) - 1;  // some -1: no prediction
  const auto statistics = shifted_statistics(y, {predictions.data(), k, n, n}, 3, false, 2, StopToken{});
  for (int64_t m = 0; m < k; ++m) {
    for (int64_t s = 0; s < n; s += 61) {
      const double share = statistics[static_cast<size_t>(m * n + s)];
      CHECK(share == static_cast<double>(hits(y, predictions.data() + m * n, s)) / static_cast<double>(n));
    }
  }
}

TEST_CASE("CircularShift.APerfectModelIsNeverReachedByLuck") {
  Philox stream(4, "circular_shift");
  std::vector<int32_t> y(400);
  for (auto& code : y) code = static_cast<int32_t>(stream.below(2));
  const auto result = circular_shift_test(y, {y.data(), 1, 400, 400}, 2, 5, false, 0, 1, StopToken{});
  CHECK(result.statistic == 1.0);
  CHECK(result.n_shifts == 361);
  CHECK(result.p_value == 1.0 / 362.0);
}

TEST_CASE("CircularShift.RefusesCodesOutsideTheClasses") {
  const std::vector<int32_t> y = {0, 1, 2, 0, 1, 2, 0, 1};
  CHECK_THROWS_AS(circular_shift_test(y, {y.data(), 1, 8, 8}, 2, 1, false, 0, 1, StopToken{}), Error);
  CHECK_THROWS_AS(circular_shift_test(y, {y.data(), 1, 8, 8}, 4, 1, false, 0, 1, StopToken{}), Error);
}

TEST_CASE("CircularShift.WhatOthersKnewDoesNotSpeakForTheModelJudged") {
  const int64_t n = 400;
  Philox stream(5, "circular_shift");
  std::vector<int32_t> y(static_cast<size_t>(n));
  for (auto& code : y) code = static_cast<int32_t>(stream.below(2));
  std::vector<int32_t> both(static_cast<size_t>(n));
  for (auto& code : both) code = static_cast<int32_t>(stream.below(2));
  both.insert(both.end(), y.begin(), y.end());
  const auto alone = circular_shift_test(y, {both.data(), 1, n, n}, 2, 5, false, 0, 1, StopToken{});
  const auto judged = circular_shift_test(y, {both.data(), 2, n, n}, 2, 5, false, 1, 1, StopToken{});
  CHECK(judged.statistic == alone.statistic);
  CHECK(judged.p_value >= alone.p_value);
  CHECK(circular_shift_test(y, {both.data(), 2, n, n}, 2, 5, false, 0, 1, StopToken{}).p_value ==
        1.0 / 362.0);
  CHECK_THROWS_AS(circular_shift_test(y, {both.data(), 2, n, n}, 2, 5, false, 3, 1, StopToken{}), Error);
}
