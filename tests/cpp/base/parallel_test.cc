#include "smctrain/base/parallel.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

TEST_CASE("ParallelFor.VisitsEveryIndexOnce") {
  for (const int threads : {1, 4, 7}) {
    std::vector<int> visits(1000, 0);
    smctrain::parallel_for(1000, threads, [&](int64_t i) { ++visits[static_cast<size_t>(i)]; });
    for (const int count : visits) CHECK(count == 1);
  }
}

TEST_CASE("ParallelFor.RethrowsTheFirstException") {
  CHECK_THROWS_AS(smctrain::parallel_for(100, 4,
                                         [](int64_t i) {
                                           if (i == 42) throw std::runtime_error("42");
                                         }),
                  std::runtime_error);
}
