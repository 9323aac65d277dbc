// A market whose truth is known: bars with, or without, a planted signal.
//
//   state        hidden, -1 or +1 per bar; stays for `mean_spell` bars on average (a two-state Markov chain).
//   volume       its level depends on the state (times exp(+-leak)) with noise, so a few bars of volume tell
//   the state. drift        planted symbols move `drift` bar volatilities a bar in the direction of the
//   state; the others have
//                the same volume process and no drift, so nothing about them can be predicted.
//   volatility   per bar, log-AR(1) around `sigma`; highs and lows come from 16 sub-steps, so they are
//   honest.
//
// A bar opens at the last close, except for a gap after each weekend. Prices are snapped to `digits`
// decimals. Every bar draws the same number of random values whether planted or not. O(n).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "smctrain/base/stop.h"

namespace smctrain {

struct MarketProcess {
  double sigma = 0.0005;        // volatility of a bar, in log price
  double drift = 0.35;          // in bar volatilities
  double mean_spell = 40.0;     // bars
  double leak = 0.5;            // of the state into log volume
  double volume_noise = 0.3;    // sd of log volume
  double volume = 1000.0;       // median volume between the states
  double volatility_sd = 0.25;  // of log volatility
  double volatility_memory = 0.98;
  double weekend_gap = 1.0;  // sd, in bar volatilities
  int64_t bars_per_week = 480;
  double start_price = 1.1;
  int digits = 5;
};

struct SimulatedBars {
  std::vector<double> open, high, low, close, volume;
  std::vector<int8_t> state;       // hidden
  std::vector<double> volatility;  // hidden, in price
};

// A stopped call returns the bars it has.
SimulatedBars simulate_bars(const MarketProcess& process, int64_t n, uint64_t seed, std::string_view purpose,
                            bool planted, const StopToken& stop = StopToken());

}  // namespace smctrain
