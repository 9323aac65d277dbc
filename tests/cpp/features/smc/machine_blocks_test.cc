// Where a block begins never shows: blocks of any size, with holes in them, equal single bars bit for bit.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/features/smc/context_feed.h"
#include "smctrain/features/smc/machine.h"

namespace {

using smctrain::features::Block;
using smctrain::features::kColumnStride;
using smctrain::features::kNaN;

struct Columns {
  std::vector<int64_t> ts;
  std::vector<double> open, high, low, close, atr, mean, rsi;
};

Columns bars_with_holes(int n) {
  smctrain::Philox stream(11, uint64_t{1});
  smctrain::features::smc::ContextFeed feed;
  Columns bars;
  double close = 100.0;
  for (int t = 0; t < n; ++t) {
    smctrain::Bar bar;
    bar.ts_open = t;
    bar.open = close + (stream.uniform() < 0.1 ? stream.uniform() - 0.5 : 0.0);
    close += 2.0 * stream.uniform() - 1.0;
    bar.close = stream.uniform() < 0.03 ? kNaN : close;
    bar.high = std::max(bar.open, close) + stream.uniform();
    bar.low = std::min(bar.open, close) - stream.uniform();
    const auto context = feed.push(bar);
    bars.ts.push_back(bar.ts_open);
    bars.open.push_back(bar.open);
    bars.high.push_back(bar.high);
    bars.low.push_back(bar.low);
    bars.close.push_back(bar.close);
    bars.atr.push_back(context.atr);
    bars.mean.push_back(context.ema_first_50);
    bars.rsi.push_back(context.rsi_wilder_14);
  }
  for (auto* column : {&bars.open, &bars.high, &bars.low, &bars.close, &bars.atr, &bars.mean, &bars.rsi})
    column->resize(column->size() + 8);
  return bars;
}

// Values of the wanted columns, one after the other; every third column where not all are.
std::vector<double> run(const Columns& bars, int n, int length, bool all) {
  const auto machine = smctrain::features::make_smc_machine();
  const size_t width = machine->columns().size();
  std::vector<double> values(width * kColumnStride);
  std::vector<double*> out(width, nullptr);
  for (size_t c = 0; c < width; c += all ? 1 : 3) out[c] = values.data() + c * kColumnStride;
  std::vector<double> result;
  std::vector<std::vector<double>> columns(width);
  for (int first = 0; first < n; first += length) {
    Block block;
    block.n = std::min(length, n - first);
    block.row = first;
    block.ts_open = block.ts_close = bars.ts.data() + first;
    block.open = bars.open.data() + first;
    block.high = bars.high.data() + first;
    block.low = bars.low.data() + first;
    block.close = bars.close.data() + first;
    block.atr = block.atr_wilder_14 = bars.atr.data() + first;
    block.ema_first_50 = bars.mean.data() + first;
    block.rsi_wilder_14 = bars.rsi.data() + first;
    machine->push_block(block, out.data());
    for (size_t c = 0; c < width; c += 3) {
      columns[c].insert(columns[c].end(), values.data() + c * kColumnStride,
                        values.data() + c * kColumnStride + block.n);
    }
  }
  for (const auto& column : columns) result.insert(result.end(), column.begin(), column.end());
  return result;
}

bool are_equal(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != a[i] ? b[i] == b[i] : std::memcmp(&a[i], &b[i], sizeof(double)) != 0) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("SmcMachine.BlocksOfAnySizeEqualSingleBars") {
  constexpr int kBars = 1300;
  const Columns bars = bars_with_holes(kBars);
  const auto single = run(bars, kBars, 1, true);
  CHECK(std::count_if(single.begin(), single.end(), [](double x) { return x == x && x != 0.0; }) > 10000);
  for (const int length : {3, 64, 512}) {
    CAPTURE(length);
    CHECK(are_equal(run(bars, kBars, length, true), single));
  }
}

TEST_CASE("SmcMachine.WhatNobodyWantsChangesNothing") {
  constexpr int kBars = 1300;
  const Columns bars = bars_with_holes(kBars);
  CHECK(are_equal(run(bars, kBars, 200, false), run(bars, kBars, 200, true)));
}
