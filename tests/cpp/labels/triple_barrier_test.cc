#include "smctrain/labels/triple_barrier.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "smctrain/base/error.h"

namespace {

using smctrain::BarsView;
using smctrain::labels::BarrierOptions;
using smctrain::labels::LabelTable;
using smctrain::labels::Rule;
using smctrain::labels::Status;

struct Path {
  std::vector<double> open{100, 100, 102.7, 103}, high{100, 101, 103, 103}, low{100, 99.4, 102.5, 103},
      close{100, 101, 102.9, 103};
  std::vector<int32_t> segment{0, 0, 0, 0};
  BarsView view() const {
    BarsView bars;
    bars.open = open;
    bars.high = high;
    bars.low = low;
    bars.close = close;
    bars.segment = segment;
    return bars;
  }
};

}  // namespace

TEST_CASE("a gap beyond the target pays the level") {
  const Path path;
  BarrierOptions options;
  options.horizon = 3;
  const std::vector<int64_t> rows{0, 1};
  const std::vector<int8_t> side{1, 1};
  LabelTable out(rows.size());
  smctrain::labels::triple_barrier(path.view(), rows, side, options, out);
  CHECK(out.y[0] == 1.0);
  CHECK(out.t1[0] == 2);
  CHECK(out.exit[0] == 102.0);
  CHECK(out.rule[0] == static_cast<uint8_t>(Rule::kTargetGap));
  CHECK(out.status[1] == static_cast<uint8_t>(Status::kOpen));
}

TEST_CASE("an absurd horizon leaves every row open") {
  const Path path;
  BarrierOptions options;
  options.horizon = std::numeric_limits<int64_t>::max();
  const std::vector<int64_t> rows{0};
  const std::vector<int8_t> side{1};
  LabelTable out(rows.size());
  smctrain::labels::triple_barrier(path.view(), rows, side, options, out);
  CHECK(out.status[0] == static_cast<uint8_t>(Status::kOpen));
  const std::vector<int64_t> outside{4};
  CHECK_THROWS_AS(smctrain::labels::triple_barrier(path.view(), outside, side, options, out),
                  smctrain::Error);
}
