#include "smctrain/features/smc/fuzzy.h"

#include <doctest/doctest.h>

#include "smctrain/features/smc/options.h"

namespace smc = smctrain::features::smc;

const smc::Options kOptions;

TEST_CASE("Fuzzy.TrendStrengthHasTheDocumentedValues") {
  const double x[] = {0.0, 0.6, 0.8, 1.5, 2.2, 5.0, 20.0};
  const double strength[] = {0.5, 0.5, 0.738095238, 1.5, 2.1, 3.0, 3.0};
  for (int i = 0; i < 7; ++i) CHECK(smc::trend_strength(x[i]) == doctest::Approx(strength[i]).epsilon(1e-9));
}

TEST_CASE("Fuzzy.ScoresNeverFallAsTheirVariableGrows") {
  CHECK(kOptions.displacement_score.at(1.2) == doctest::Approx(0.2));
  CHECK(kOptions.displacement_score.at(3.0) == 1.0);
  CHECK(kOptions.displacement_score.at(30.0) == 1.0);
  double displacement = 0.0;
  double body = 0.0;
  double gap = 0.0;
  for (double x = 0.0; x < 40.0; x += 0.05) {
    CHECK(kOptions.displacement_score.at(x) >= displacement);
    CHECK(kOptions.body_score.at(x) >= body);
    CHECK(kOptions.gap_score.at(x) >= gap);
    displacement = kOptions.displacement_score.at(x);
    body = kOptions.body_score.at(x);
    gap = kOptions.gap_score.at(x);
  }
  CHECK(displacement + body + gap == 3.0);
}

TEST_CASE("Fuzzy.FirstAndLastTermsHaveShoulders") {
  CHECK(smc::body_doji(0.0) == 1.0);
  CHECK(smc::displacement_extreme(30.0) == 1.0);
  CHECK(smc::displacement_weak(0.0) == 1.0);
  CHECK(smc::gap_insignificant(0.0) == 1.0);
  CHECK(smc::gap_large(100.0) == 1.0);
  CHECK(smc::body_large(100.0) == 1.0);
  CHECK(smc::trend_strong(20.0) == 1.0);
}

TEST_CASE("Fuzzy.TermsAreStraightBetweenTheirBreakpoints") {
  CHECK(smc::body_small(0.25) == doctest::Approx(0.5));
  CHECK(smc::body_small(0.6) == doctest::Approx(0.5));
  CHECK(smc::body_medium(0.8) == doctest::Approx(0.5));
  CHECK(smc::body_medium(1.5) == 1.0);
  CHECK(smc::body_medium(2.5) == doctest::Approx(0.5));
  CHECK(smc::body_medium(3.0) == 0.0);
  CHECK(kOptions.clean_body.at(0.5) == doctest::Approx(0.5));
}
