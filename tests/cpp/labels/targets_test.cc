#include "smctrain/labels/targets.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/labels/horizon.h"
#include "smctrain/labels/status.h"

namespace {

using namespace smctrain;          // NOLINT(google-build-using-namespace)
using namespace smctrain::labels;  // NOLINT(google-build-using-namespace)

struct Path {
  std::vector<double> open, high, low, close;
  std::vector<int32_t> segment;
  std::vector<int64_t> ts_open, ts_close;
  explicit Path(std::vector<double> closes) : open(closes), high(closes), low(closes), close(closes) {
    for (size_t i = 0; i < closes.size(); ++i) {
      segment.push_back(0);
      ts_open.push_back(static_cast<int64_t>(i) * 10);
      ts_close.push_back(static_cast<int64_t>(i) * 10 + 10);
    }
  }
  BarsView view() const {
    BarsView bars;
    bars.ts_open = ts_open;
    bars.ts_close = ts_close;
    bars.open = open;
    bars.high = high;
    bars.low = low;
    bars.close = close;
    bars.segment = segment;
    return bars;
  }
};

uint8_t code(Status status) { return static_cast<uint8_t>(status); }

}  // namespace

TEST_CASE("a window of bars ends inside its segment or is open") {
  Path path({1, 2, 3, 4, 5});
  path.segment = {0, 0, 0, 1, 1};
  const auto windows = horizon_windows(path.view(), {HorizonUnit::kBars, 1}, 10, {});
  CHECK(windows.end == std::vector<int64_t>{1, 2, -1, 4, -1});
  CHECK(windows.status[2] == code(Status::kOpen));
}

TEST_CASE("a window of time needs a bar that closes on time") {
  Path path({1, 2, 3, 4, 5});
  path.ts_close = {10, 20, 30, 60, 70};  // two bars are missing after the third
  const auto windows = horizon_windows(path.view(), {HorizonUnit::kTime, 20}, 10, {});
  CHECK(windows.end == std::vector<int64_t>{2, -1, -1, -1, -1});
  CHECK(windows.status == std::vector<uint8_t>{code(Status::kOk), code(Status::kMissing),
                                               code(Status::kMissing), code(Status::kOpen),
                                               code(Status::kOpen)});
  CHECK_THROWS_AS(horizon_windows(path.view(), {HorizonUnit::kTime, 9}, 10, {}), Error);
}

TEST_CASE("a session is over when a bar of another one follows") {
  const Path path({1, 2, 3, 4, 5, 6});
  const std::vector<int64_t> session{0, 0, 1, 1, 2, 2};
  const auto windows = horizon_windows(path.view(), {HorizonUnit::kSessions, 1}, 10, session);
  CHECK(windows.end == std::vector<int64_t>{3, 3, -1, -1, -1, -1});
}

TEST_CASE("the deepest fall starts at the base price or at a later high") {
  Path path({100, 104, 99, 103});
  path.high = {100, 105, 100, 103};
  path.low = {100, 98, 94.5, 102};
  const auto windows = horizon_windows(path.view(), {HorizonUnit::kBars, 3}, 10, {});
  const std::vector<int64_t> rows{0};
  const TargetRows which{rows, windows.end, windows.status, false};
  CHECK(path_target(path.view(), which, PathTarget::kMdd, 0).y[0] == doctest::Approx((105 - 94.5) / 105));
  CHECK(path_target(path.view(), which, PathTarget::kMfe, 0).y[0] == doctest::Approx(0.05));
  CHECK(path_target(path.view(), which, PathTarget::kMae, 0).y[0] == doctest::Approx(0.055));
  CHECK(path_target(path.view(), which, PathTarget::kSwingHigh, 0.09).y[0] == 1.0);
  CHECK(path_target(path.view(), which, PathTarget::kSwingHigh, 0.11).y[0] == 0.0);
  CHECK(path_target(path.view(), which, PathTarget::kSwingLow, 0.05).y[0] == 1.0);  // 94.5 then 103
}

TEST_CASE("windows that go backwards are refused") {
  const Path path({1, 2, 3, 4});
  const std::vector<int64_t> rows{0};
  const std::vector<int64_t> end{3, 2, 3, -1};
  const std::vector<uint8_t> status{0, 0, 0, 1};
  CHECK_THROWS_AS(path_target(path.view(), {rows, end, status, false}, PathTarget::kMfe, 0), Error);
}
