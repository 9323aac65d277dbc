// Blocks of bars: where a block ends never shows, whatever is missing, and neither does the processor.
#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/features/engine.h"
#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/kernels.h"
#include "smctrain/features/technical/recursive.h"
#include "smctrain/features/technical/regime.h"
#include "smctrain/features/technical/rolling.h"
#include "smctrain/features/technical/windows.h"

namespace smctrain::features {
namespace {

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

// A stream with runs of equal values, zeros, missing and infinite values.
std::vector<double> stream(uint64_t purpose, int n, double missing) {
  Philox random(7, purpose);
  std::vector<double> values;
  while (static_cast<int>(values.size()) < n) {
    const double kind = random.uniform();
    const auto length = static_cast<int>(kind < 0.1 ? 1 + 60 * random.uniform() : 1.0);
    double value = 1.0 + 1e-3 * (random.uniform() - 0.5);
    if (kind > 0.9) value = 0.0;
    if (random.uniform() < missing) value = random.uniform() < 0.5 ? kNaN : INFINITY;
    values.insert(values.end(), static_cast<size_t>(length), value);
  }
  values.resize(static_cast<size_t>(n));
  return values;
}

// Calls block(first, n) for random stretches of 0..count - 1.
template <class F>
void in_random_blocks(uint64_t purpose, int count, F block) {
  Philox random(8, purpose);
  for (int first = 0; first < count;) {
    const double kind = random.uniform();
    int n = kind < 0.3 ? 1 : static_cast<int>(1 + random.uniform() * (kind < 0.7 ? 20 : kBlockBars));
    n = std::min({n, count - first, kBlockBars});
    block(first, n);
    first += n;
  }
}

template <int kWidth>
void check_sums(double missing) {
  for (const int skipped : {0, 1}) {
    auto x = stream(kWidth, 3000, missing);
    if (skipped == 1) x[0] = kNaN;
    RollingSum one_by_one(kWidth);
    RollingVariance moments_one_by_one(kWidth);
    RollingSums<kWidth> sums(skipped);
    RollingMoments<kWidth> moments;
    Recent recent;
    BlockValues sum;
    BlockValues mean;
    BlockValues deviation;
    bool agree = true;
    in_random_blocks(kWidth, static_cast<int>(x.size()), [&](int first, int n) {
      double* block = recent.extend(n);
      std::copy_n(x.data() + first, n, block);
      sums.push(block, first, n, sum);
      moments.push(block, first, n, 1, mean, deviation);
      for (int t = 0; t < n; ++t) {
        const bool is_input = first + t >= skipped;
        agree &= same(sum[t], is_input ? one_by_one.push(block[t]) : kNaN);
        moments_one_by_one.push(block[t]);
        agree &= same(mean[t], moments_one_by_one.mean());
        agree &= same(deviation[t], moments_one_by_one.deviation(1));
      }
    });
    CHECK(agree);
  }
}

struct Bars {
  std::vector<int64_t> ts_open, ts_close;
  std::vector<double> open, high, low, close, volume, spread;
  std::vector<int32_t> segment;

  BarsView view() const { return {ts_open, ts_close, open, high, low, close, volume, spread, segment}; }
};

constexpr int64_t kMinute = 60'000'000'000;

Bars random_bars(int count, double missing, double breaks, double grid) {
  Philox random(9, 1);
  Bars bars;
  double close = 1.1;
  int32_t segment = 0;
  int64_t time = 1'704'067'200'000'000'000;
  const auto snap = [&](double price) { return std::round(price / grid) * grid; };
  for (int t = 0; t < count; ++t) {
    const double open = close;
    close = snap(open + 1e-3 * (random.uniform() - 0.5));
    double high = snap(std::max(open, close) + 4e-4 * random.uniform());
    const double low = snap(std::min(open, close) - 4e-4 * random.uniform());
    if (random.uniform() < breaks) {
      ++segment;
      time += 10 * 24 * 60 * kMinute;
    }
    if (random.uniform() < missing) high = random.uniform() < 0.5 ? kNaN : INFINITY;
    bars.ts_open.push_back(time);
    bars.ts_close.push_back(time += 15 * kMinute);
    bars.open.push_back(open);
    bars.high.push_back(high);
    bars.low.push_back(low);
    bars.close.push_back(close);
    bars.volume.push_back(random.uniform() < missing ? kNaN : std::floor(100 * random.uniform()));
    bars.spread.push_back(2.0);
    bars.segment.push_back(segment);
  }
  return bars;
}

EngineOptions everything() {
  EngineOptions options{15 * kMinute, {{"H1", 60 * kMinute, false}}, {}, {}};
  for (const auto& entry : catalogue(options.base_length_ns, options.higher, {})) {
    options.columns.push_back(entry.column.name);
  }
  return options;
}

void check_blocks(const Bars& bars) {
  const auto count = static_cast<int>(bars.close.size());
  EngineOptions options = everything();
  Engine in_blocks(options);
  options.most_bars = 1;  // as of a stream
  Engine one_by_one(options);
  const size_t width = options.columns.size();
  std::vector<double> row(width);
  std::vector<uint8_t> settled(kBlockBars);
  std::string differing;
  bool same_mark = true;
  in_random_blocks(3, count, [&](int first, int wanted) {
    for (int n = 0; wanted > 0; first += n, wanted -= n) {
      n = 1;  // up to the end of the segment
      const auto at = [&](int t) { return bars.segment[static_cast<size_t>(t)]; };
      while (n < wanted && at(first + n) == at(first)) ++n;
      in_blocks.push_block(bars.view(), first, n, settled.data());
      for (int t = 0; t < n; ++t) {
        const bool mark = one_by_one.push(bars.view()[first + t], at(first + t), row.data());
        same_mark &= mark == (settled[static_cast<size_t>(t)] != 0);
        for (size_t c = 0; c < width; ++c) {
          const double value = in_blocks.block_columns()[c][t];
          const bool is_missing = !std::isfinite(value) && std::isnan(row[c]);
          if (differing.empty() && !is_missing && !same(value, row[c])) {
            differing = options.columns[c] + " on row " + std::to_string(first + t);
          }
        }
      }
    }
  });
  CHECK(differing == "");
  CHECK(same_mark);
}

}  // namespace

TEST_CASE("rolling sums over blocks equal the sums value by value") {
  for (const double missing : {0.0, 0.01}) {
    check_sums<3>(missing);
    check_sums<14>(missing);
    check_sums<28>(missing);
    check_sums<100>(missing);
  }
}

TEST_CASE("where a block ends shows in no column") {
  SUBCASE("whole bars") { check_blocks(random_bars(2500, 0.0, 0.0, 1e-5)); }
  SUBCASE("missing bars and volumes inside blocks") { check_blocks(random_bars(2500, 0.01, 0.0, 1e-5)); }
  SUBCASE("segments of all lengths") { check_blocks(random_bars(2500, 0.003, 0.006, 1e-5)); }
  SUBCASE("a coarse grid with many equal prices") { check_blocks(random_bars(2500, 0.001, 0.0, 1e-3)); }
}

TEST_CASE("Wilder's mean is that of his formula and rests where its input does") {
  for (const int period : {1, 2, 14, 50}) {
    WilderMean mean(period);
    const auto x = stream(90, 4000, 0.0);
    double formula = 0.0;
    for (int t = 0; t < 4000; ++t) {
      const double value = mean.push(x[static_cast<size_t>(t)]);
      formula += t < period ? x[static_cast<size_t>(t)] : 0.0;
      if (t == period - 1) formula /= period;
      if (t >= period) formula = (formula * (period - 1) + x[static_cast<size_t>(t)]) / period;
      if (t >= period - 1) REQUIRE(value == doctest::Approx(formula).epsilon(1e-13));
    }
    WilderMean still(period);
    for (int t = 0; t < 100; ++t) {
      const double value = still.push(0.25);
      if (t >= period - 1) REQUIRE(value == 0.25);
    }
  }
}

TEST_CASE("the columns of a block are what the regime says bar by bar") {
  const TrendTerms terms;
  const auto machine = make_trend_machine(terms);
  const size_t width = machine->columns().size();
  const int n = 400;
  std::vector<std::vector<double>> in(4);
  for (size_t k = 0; k < in.size(); ++k) {
    in[k].assign(Block::kPast, kNaN);
    const auto values = stream(70 + k, n + kSpare, 0.02);
    in[k].insert(in[k].end(), values.begin(), values.end());
  }
  for (int t = 0; t < n; ++t) {  // a bias of some ATR, an RSI of all sizes
    in[0][Block::kPast + t] += 2e-3 * std::sin(0.05 * t);
    in[2][Block::kPast + t] = 5e-4 * (1.1 + std::sin(0.021 * t));
    in[3][Block::kPast + t] = 50.0 + 50.0 * std::sin(0.11 * t);
  }
  std::vector<std::vector<double>> storage(width, std::vector<double>(column_stride(n)));
  std::vector<double*> out;
  for (auto& column : storage) out.push_back(column.data());
  Block block;
  block.n = n;
  block.close = in[0].data() + Block::kPast;
  block.ema_first_50 = in[1].data() + Block::kPast;
  block.atr = in[2].data() + Block::kPast;
  block.rsi_wilder_14 = in[3].data() + Block::kPast;
  machine->push_block(block, out.data());
  MarketStateMachine reference(terms);
  std::array<int, 6> seen{};
  for (int t = 0; t < n; ++t) {
    const Context context{t, block.atr[t], block.atr[t], block.ema_first_50[t], block.rsi_wilder_14[t]};
    const MarketState state = reference.push(block.close[t], context);
    const double expected[] = {state.bias,   std::abs(state.bias), state.strength(),   state.bull(),
                               state.bear(), storage[5][t],        state.overbought(), state.oversold(),
                               state.atr_z,  state.vol_high(),     state.vol_low(),    state.strong(),
                               state.weak()};
    for (size_t c = 0; c < std::size(expected); ++c) REQUIRE(same(storage[c][t], expected[c]));
    const int regime = static_cast<int>(state.regime());
    ++seen[static_cast<size_t>(regime + 1)];
    for (int i = 0; i < 5; ++i) {
      REQUIRE(same(storage[13 + static_cast<size_t>(i)][t], regime < 0 ? kNaN : (regime == i ? 1.0 : 0.0)));
    }
  }
  CHECK(std::count(seen.begin(), seen.end(), 0) == 0);  // every regime has been there
}

TEST_CASE("every level of the kernels gives the same numbers") {
  std::array<KernelLevel, 3> levels{};
  const int count = kernel_levels(levels.data());
  const int n = 77;
  std::array<std::vector<double>, 4> in;
  for (size_t k = 0; k < in.size(); ++k)
    in[k] = stream(50 + k, Block::kPast + n + kSpare, k == 3 ? 0.02 : 0.0);
  const auto x = [&](size_t k) { return in[k].data() + Block::kPast; };
  const auto results = [&](const Kernels& k) {
    std::vector<double> all;
    BlockValues a;
    BlockValues b;
    BlockValues c;
    const auto keep = [&](const double* values) { all.insert(all.end(), values, values + n); };
    for (const size_t s : {size_t{0}, size_t{3}}) {
      const auto windows = {k.window_mean,     k.window_weighted_mean, k.window_slope,
                            k.window_line_end, k.window_cci,           k.window_max,
                            k.window_min,      k.window_max_age,       k.window_min_age};
      for (const auto window : windows) {
        for (const int width : {3, 14, 15, 20, 55, 100}) keep((window(x(s), width, n, a), a));
      }
      k.moves(x(s), n, a, b);
      keep(a);
      keep(b);
      keep((k.absolute_change(x(s), n, a), a));
      keep((k.absolute_difference(x(s), x(1), n, a), a));
      keep((k.absolute(x(s), n, a), a));
      keep((k.standard_score(x(s), x(1), x(2), n, a), a));
      keep((k.is_equal(x(s), 0.0, n, a), a));
      keep((k.ramp(x(s), 1.0, 3e-4, true, n, a), a));
      keep((k.ramp(x(s), 1.0, 3e-4, false, n, b), b));
      const double* terms[4] = {a, b, x(s), x(2)};
      const double values[3] = {0.5, 1.5, 3.0};
      keep((k.centroid(terms, values, n, c), c));
      keep((k.regime(x(s), x(1), terms, 0.6, 0.5, n, c), c));
      keep((k.scaled_ratio(x(s), x(1), 100.0, n, a), a));
      keep((k.scaled_change(x(1), x(s), 100.0, n, a), a));
      keep((k.difference_ratio(x(s), x(1), x(2), 1.0, n, a), a));
      keep((k.share_of_moves(x(s), x(1), n, a), a));
      keep((k.share_of_range(x(2), x(s), x(1), x(s), 100.0, n, a), a));
      keep((k.true_range(x(s), x(1), x(2), n, a), a));
      keep((k.typical_price(x(s), x(1), x(2), n, a), a));
      keep((k.adaptive_rate(x(s), x(1), 30, n, a), a));
      keep((k.signed_volume(x(s), x(1), n, a), a));
      k.moments(x(0), x(1), x(s), 20, 1, n, a, b);
      keep(a);
      keep(b);
      k.buying_pressure(x(s), x(1), x(2), n, a, b);
      keep(a);
      keep(b);
      k.directional_moves(x(s), x(1), n, a, b);
      keep(a);
      keep(b);
      k.directional_indicators(x(0), x(1), x(s), n, a, b, c);
      keep(a);
      keep(c);
      k.money_flow(x(s), x(1), n, a, b);
      keep(a);
      keep(b);
    }
    for (const int columns : {1, 4, 7, 8, 30}) {
      std::vector<const double*> pointers;
      for (int c_at = 0; c_at < columns; ++c_at) pointers.push_back(x(static_cast<size_t>(c_at % 4)) - c_at);
      std::vector<float> rows(static_cast<size_t>(n * columns));
      k.write_rows_float(pointers.data(), columns, n, rows.data(), columns);
      all.insert(all.end(), rows.begin(), rows.end());
      for (int t = 0; t < n; ++t) {
        for (int c_at = 0; c_at < columns; ++c_at) {
          const double value = pointers[static_cast<size_t>(c_at)][t];
          const double stored = rows[static_cast<size_t>(t * columns + c_at)];
          REQUIRE(same(stored, std::isfinite(value) ? static_cast<float>(value) : kNaN));
        }
      }
    }
    return all;
  };
  const auto expected = results(*levels[0].kernels);
  for (int level = 1; level < count; ++level) {
    const auto found = results(*levels[static_cast<size_t>(level)].kernels);
    bool agree = found.size() == expected.size();
    for (size_t i = 0; agree && i < found.size(); ++i) agree = same(found[i], expected[i]);
    CHECK_MESSAGE(agree, levels[static_cast<size_t>(level)].name);
  }
}

}  // namespace smctrain::features
