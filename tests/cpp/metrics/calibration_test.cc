#include "smctrain/metrics/calibration.h"

#include <doctest/doctest.h>

#include <cmath>

#include "smctrain/base/error.h"

using namespace smctrain;
using namespace smctrain::metrics;

TEST_CASE("Calibration.IsotonicPoolsWhatFalls") {
  // 0 1 0 | 1: the fall is pooled to 1/3... with the first zero left alone.
  const std::vector<double> score = {0.1, 0.2, 0.3, 0.4};
  const std::vector<uint8_t> positive = {0, 1, 0, 1};
  const auto fit = fit_isotonic(score, positive);
  CHECK(fit.score == std::vector<double>{0.1, 0.2, 0.3, 0.4});
  CHECK(fit.value == std::vector<double>{0.0, 0.5, 0.5, 1.0});
}

TEST_CASE("Calibration.PlattOfTwoScoresIsTheirLogOdds") {
  // Score 0: 1 of 4 positive; score 1: 3 of 4.
  const std::vector<double> score = {0, 0, 0, 0, 1, 1, 1, 1};
  const std::vector<uint8_t> positive = {1, 0, 0, 0, 1, 1, 1, 0};
  const auto fit = fit_platt(score, positive);
  CHECK(fit.is_finite);
  CHECK(fit.offset == doctest::Approx(-std::log(3.0)).epsilon(1e-12));
  CHECK(fit.slope == doctest::Approx(2.0 * std::log(3.0)).epsilon(1e-12));
}

TEST_CASE("Calibration.TemperatureOfCalibratedCoinsIsOne") {
  // Said 0.75, true in 3 of 4.
  std::vector<double> log_proba;
  for (int i = 0; i < 4; ++i) {
    log_proba.push_back(std::log(0.25));
    log_proba.push_back(std::log(0.75));
  }
  const std::vector<int32_t> y = {1, 1, 1, 0};
  CHECK(fit_temperature({log_proba.data(), 4, 2, 2}, y) == doctest::Approx(1.0).epsilon(1e-9));
  const std::vector<int32_t> always = {1, 1, 1, 1};
  CHECK(fit_temperature({log_proba.data(), 4, 2, 2}, always) == doctest::Approx(1e-3));
}

TEST_CASE("Calibration.OneKindOfRowIsRefused") {
  const std::vector<double> score = {0.1, 0.2};
  CHECK_THROWS_AS(fit_platt(score, std::vector<uint8_t>{1, 1}), Error);
  CHECK_THROWS_AS(fit_isotonic(score, std::vector<uint8_t>{0, 0}), Error);
}
