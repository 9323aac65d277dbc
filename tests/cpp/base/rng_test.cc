#include "smctrain/base/rng.h"

#include <doctest/doctest.h>

TEST_CASE("Philox.EqualsTheDocumentedStream") {
  smctrain::Philox stream(42, uint64_t{7});
  CHECK(stream.uniform() == 0.649420079613736);
  CHECK(stream.uniform() == 0.8848813535936771);
  CHECK(stream.uniform() == 0.5537339411764371);
  CHECK(stream.uniform() == 0.9529724189339113);
}
