#include "smctrain/bars/simulate.h"

#include <algorithm>
#include <cmath>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"

namespace smctrain {

namespace {

constexpr int kSubSteps = 16;

void check(const MarketProcess& process, int64_t n) {
  if (n < 1) raise("InputError", "n_bars must be at least 1, but is ", n, ".");
  if (!(process.sigma > 0.0)) raise("InputError", "sigma must be above 0, but is ", process.sigma, ".");
  if (!(process.mean_spell >= 1.0)) {
    raise("InputError", "mean_spell must be at least 1 bar, but is ", process.mean_spell, ".");
  }
  if (!(process.volatility_memory >= 0.0 && process.volatility_memory < 1.0)) {
    raise("InputError", "volatility_memory must lie in [0, 1), but is ", process.volatility_memory, ".");
  }
  if (process.bars_per_week < 1 || process.digits < 0 || process.digits > 8 || !(process.start_price > 0.0)) {
    raise("InputError", "bars_per_week, digits or start_price of a simulated market is out of range.");
  }
}

}  // namespace

SimulatedBars simulate_bars(const MarketProcess& process, int64_t n, uint64_t seed, std::string_view purpose,
                            bool planted, const StopToken& stop) {
  check(process, n);
  Philox random(seed, purpose);
  const double scale = std::pow(10.0, process.digits);
  const auto snap = [&](double log_price) {
    return std::max(1.0, std::round(std::exp(log_price) * scale)) / scale;
  };
  const double fresh = std::sqrt(1.0 - process.volatility_memory * process.volatility_memory);

  SimulatedBars bars;
  for (auto* column : {&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume, &bars.volatility}) {
    column->reserve(static_cast<size_t>(n));
  }
  bars.state.reserve(static_cast<size_t>(n));

  int8_t state = random.uniform() < 0.5 ? int8_t{-1} : int8_t{1};
  double log_volatility = random.normal();  // in units of volatility_sd
  double log_price = std::log(process.start_price);
  for (int64_t t = 0; t < n; ++t) {
    if (t % 4096 == 0 && stop.stop_requested()) break;
    if (random.uniform() < 1.0 / process.mean_spell) state = static_cast<int8_t>(-state);
    log_volatility = process.volatility_memory * log_volatility + fresh * random.normal();
    const double sigma = process.sigma * std::exp(process.volatility_sd * log_volatility);
    const double gap = random.normal();
    if (t > 0 && t % process.bars_per_week == 0) log_price += process.weekend_gap * sigma * gap;

    const double step_drift = planted ? process.drift * sigma * state / kSubSteps : 0.0;
    const double step_sigma = sigma / std::sqrt(static_cast<double>(kSubSteps));
    const double open = snap(log_price);
    double high = open;
    double low = open;
    double close = open;
    for (int step = 0; step < kSubSteps; ++step) {
      log_price += step_drift + step_sigma * random.normal();
      close = snap(log_price);
      high = std::max(high, close);
      low = std::min(low, close);
    }
    const double level = process.leak * state + process.volume_noise * random.normal();
    bars.open.push_back(open);
    bars.high.push_back(high);
    bars.low.push_back(low);
    bars.close.push_back(close);
    bars.volume.push_back(std::max(1.0, std::round(process.volume * std::exp(level))));
    bars.state.push_back(state);
    bars.volatility.push_back(sigma * close);
  }
  return bars;
}

}  // namespace smctrain
