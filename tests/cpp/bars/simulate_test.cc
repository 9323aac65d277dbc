#include "smctrain/bars/simulate.h"

#include <doctest/doctest.h>

#include "smctrain/base/error.h"

TEST_CASE("a planted market differs from its twin by the drift alone") {
  smctrain::MarketProcess process;
  const auto planted = smctrain::simulate_bars(process, 500, 7, "market/A", true);
  const auto noise = smctrain::simulate_bars(process, 500, 7, "market/A", false);
  CHECK(planted.volume == noise.volume);
  CHECK(planted.state == noise.state);
  CHECK(planted.close != noise.close);
  process.drift = 0.0;
  CHECK(smctrain::simulate_bars(process, 500, 7, "market/A", true).close == noise.close);
}

TEST_CASE("an impossible process is refused") {
  smctrain::MarketProcess process;
  process.mean_spell = 0.0;
  CHECK_THROWS_AS(smctrain::simulate_bars(process, 10, 7, "market/A", true), smctrain::Error);
}
