#include "smctrain/features/smc/machine.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/features/smc/context_feed.h"

namespace {

constexpr double kUntouched = -12345.678;

std::vector<smctrain::Bar> random_bars(int n) {
  smctrain::Philox stream(7, uint64_t{1});
  std::vector<smctrain::Bar> bars;
  double close = 100.0;
  for (int t = 0; t < n; ++t) {
    smctrain::Bar bar;
    bar.open = close;
    close += 2.0 * stream.uniform() - 1.0;
    bar.close = close;
    bar.high = std::max(bar.open, bar.close) + stream.uniform();
    bar.low = std::min(bar.open, bar.close) - stream.uniform();
    bars.push_back(bar);
  }
  return bars;
}

}  // namespace

TEST_CASE("SmcMachine.WritesEveryColumnAndNothingBehindThem") {
  const auto machine = smctrain::features::make_smc_machine();
  const size_t width = machine->columns().size();
  std::vector<double> row(width + 1);
  smctrain::features::smc::ContextFeed feed;
  for (const auto& bar : random_bars(700)) {
    std::fill(row.begin(), row.end(), kUntouched);
    machine->push(bar, feed.push(bar), row.data());
    CHECK(std::count(row.begin(), row.end(), kUntouched) == 1);
    CHECK(row.back() == kUntouched);
  }
}

TEST_CASE("SmcMachine.ColumnsAreMissingDuringTheirWarmup") {
  const auto machine = smctrain::features::make_smc_machine();
  const auto& columns = machine->columns();
  std::vector<double> row(columns.size());
  smctrain::features::smc::ContextFeed feed;
  int64_t t = 0;
  for (const auto& bar : random_bars(30)) {
    machine->push(bar, feed.push(bar), row.data());
    for (size_t i = 0; i < columns.size(); ++i) {
      INFO(columns[i].name << " on row " << t);
      if (t < columns[i].warmup) CHECK(std::isnan(row[i]));
    }
    ++t;
  }
}

TEST_CASE("SmcMachine.NamesAreUniqueAndDefaultsAreAmongThem") {
  const auto machine = smctrain::features::make_smc_machine();
  std::set<std::string> names;
  for (const auto& info : machine->columns()) {
    CHECK(names.insert(info.name).second);
    CHECK((info.role == "feature" || info.role == "level"));
    CHECK((info.role == "level") == (info.unit == "price"));
    CHECK(!info.definition.empty());
  }
  for (const std::string& name : smctrain::features::smc_default_columns()) CHECK(names.count(name) == 1);
}

TEST_CASE("SmcMachine.ResetForgetsEverything") {
  const auto bars = random_bars(400);
  const auto machine = smctrain::features::make_smc_machine();
  const size_t width = machine->columns().size();
  std::vector<double> first(width);
  std::vector<double> second(width);
  for (std::vector<double>* row : {&first, &second}) {
    smctrain::features::smc::ContextFeed feed;
    for (const auto& bar : bars) machine->push(bar, feed.push(bar), row->data());
    machine->reset();
  }
  for (size_t i = 0; i < width; ++i)
    CHECK((first[i] == second[i] || (first[i] != first[i] && second[i] != second[i])));
}

TEST_CASE("SmcMachine.ZoneDistanceAtItsOwnCloseIsTheColumn") {
  namespace features = smctrain::features;
  const auto machine = features::make_smc_machine();
  const auto& columns = machine->columns();
  std::vector<double> row(columns.size());
  const auto value = [&](const std::string& name) {
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const auto& info) { return info.name == name; });
    return row[static_cast<size_t>(found - columns.begin())];
  };
  CHECK(std::isnan(features::smc_zone_distance_atr(*machine, features::ZoneKind::kOrderBlock, +1, 100.0)));
  features::smc::ContextFeed feed;
  int compared = 0;
  for (const auto& bar : random_bars(700)) {
    const auto context = feed.push(bar);
    machine->push(bar, context, row.data());
    for (const int side : {+1, -1}) {
      const std::string end = side > 0 ? "bull_" : "bear_";
      for (const auto kind : {features::ZoneKind::kOrderBlock, features::ZoneKind::kFairValueGap}) {
        const std::string prefix = (kind == features::ZoneKind::kOrderBlock ? "ob_" : "fvg_") + end;
        const double expected = value(prefix + "dist_atr");
        const double distance = features::smc_zone_distance_atr(*machine, kind, side, bar.close);
        CHECK((std::isnan(expected) ? std::isnan(distance) : distance == expected));
        if (std::isnan(expected)) continue;
        ++compared;
        CHECK(features::smc_zone_distance_atr(*machine, kind, side, value(prefix + "top")) == 0.0);
      }
    }
  }
  CHECK(compared > 500);
}
