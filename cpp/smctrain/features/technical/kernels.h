// Arithmetic over the bars of a block, several bars at a time.
//
//   lane      one bar. Every lane does the operations of the scalar formula in the same order, so results do
//             not depend on how many lanes the processor has, nor on where a block begins
//   level     the instruction set the functions were compiled for; kernels() picks the machine's widest
//   spare     arrays are read and written in whole groups of lanes: each has kSpare entries after its n
//
// Only IEEE operations that are the same everywhere: + - * / sqrt, comparison, selection. No fused
// multiply-add, no reassociation. Functions with a `width` read x[-width + 1..-1] too (Block::kPast at most),
// and give NaN or a meaningless number where that window has a gap: the caller blanks those rows (windows.h).
#pragma once

#include <cstdint>

namespace smctrain::features {

inline constexpr int kSpare = 8;

struct Kernels {
  // ---- windows: the last `width` values of x
  // x0 + mean(x - x0), x0 the oldest value
  void (*window_mean)(const double* x, int width, int n, double* out);
  // mean with weights 1..width, newest width
  void (*window_weighted_mean)(const double* x, int width, int n, double* out);
  // slope of the least-squares line, per bar; its end point
  void (*window_slope)(const double* x, int width, int n, double* out);
  void (*window_line_end)(const double* x, int width, int n, double* out);
  // (newest - mean) / (0.015 mean |x - mean|), 0 if the denominator is 0
  void (*window_cci)(const double* x, int width, int n, double* out);
  void (*window_max)(const double* x, int width, int n, double* out);
  void (*window_min)(const double* x, int width, int n, double* out);
  // bars since the extreme, the newest among ties
  void (*window_max_age)(const double* x, int width, int n, double* age);
  void (*window_min_age)(const double* x, int width, int n, double* age);
  // Whether x[-past..n-1] are all finite; whether |x| < bound on every bar.
  bool (*all_finite)(const double* x, int past, int n);
  bool (*all_within)(const double* x, double bound, int n);

  // ---- bar by bar
  void (*true_range)(const double* high, const double* low, const double* close, int n, double* out);
  // max(x - x[-1], 0) and max(x[-1] - x, 0); |x - x[-1]|
  void (*moves)(const double* x, int n, double* up, double* down);
  void (*absolute_change)(const double* x, int n, double* out);
  void (*absolute_difference)(const double* a, const double* b, int n, double* out);  // |a - b|
  void (*absolute)(const double* x, int n, double* out);
  void (*typical_price)(const double* high, const double* low, const double* close, int n, double* out);
  // factor a / b, NaN where b is 0 or not finite
  void (*scaled_ratio)(const double* a, const double* b, double factor, int n, double* out);
  // factor (a / b - 1), NaN where b is 0 or not finite
  void (*scaled_change)(const double* a, const double* b, double factor, int n, double* out);
  void (*quotient)(const double* a, double b, int n, double* out);
  // a + factor b
  void (*weighted_sum)(const double* a, const double* b, double factor, int n, double* out);
  void (*difference)(const double* a, const double* b, int n, double* out);
  // factor ((a - b) / c), NaN where c is 0 or not finite
  void (*difference_ratio)(const double* a, const double* b, const double* c, double factor, int n,
                           double* out);
  // factor (a - b) / (c - d), 0 if c = d
  void (*share_of_range)(const double* a, const double* b, const double* c, const double* d, double factor,
                         int n, double* out);
  // 100 up / (up + down), 0 if the sum is not above 0; NaN stays NaN
  void (*share_of_moves)(const double* up, const double* down, int n, double* out);
  // (x - mean) / deviation, NaN where the deviation is not above 0
  void (*standard_score)(const double* x, const double* mean, const double* deviation, int n, double* out);
  // x == value as 1 or 0; NaN stays NaN
  void (*is_equal)(const double* x, double value, int n, double* out);
  // From sums of x - pivot and of its square over `width` values: mean, and deviation with divisor width -
  // ddof.
  void (*moments)(const double* pivot, const double* s1, const double* s2, int width, int ddof, int n,
                  double* mean, double* deviation);

  // ---- parts of single indicators; formulas stand with the machines
  void (*age_share)(const double* age, int width, int n, double* out);                            // aroon
  void (*double_mean)(const double* e1, const double* e2, int n, double* out);                    // dema
  void (*triple_mean)(const double* e1, const double* e2, const double* e3, int n, double* out);  // tema
  void (*adaptive_rate)(const double* close, const double* path, int width, int n, double* out);  // kama
  void (*buying_pressure)(const double* high, const double* low, const double* close, int n, double* pressure,
                          double* range);  // ultosc
  void (*ultimate)(const double* const pressure[3], const double* const range[3], int n, double* out);
  void (*directional_moves)(const double* high, const double* low, int n, double* plus, double* minus);
  void (*directional_indicators)(const double* plus, const double* minus, const double* range, int n,
                                 double* plus_share, double* minus_share, double* strength);
  void (*signed_volume)(const double* close, const double* volume, int n, double* out);              // obv
  void (*money_flow)(const double* typical, const double* volume, int n, double* up, double* down);  // mfi

  // Membership by a Ramp, from its zero, its width and whether it rises.
  void (*ramp)(const double* x, double zero, double width, bool rises, int n, double* out);
  // trend_strength() from the memberships weak, moderate (rise, fall), strong and the values of the terms
  void (*centroid)(const double* const terms[4], const double values[3], int n, double* out);
  // MarketState::regime() as a number from 0 on, NaN if unknown, from the memberships vol_high, vol_low,
  // strong, weak
  void (*regime)(const double* atr_z, const double* bias, const double* const memberships[4],
                 double vol_above, double trend_above, int n, double* out);
  // ---- what changes now and then: run r begins on bar starts[r] and shows rows[r][fields[c]] in out[c]
  void (*hold)(const double* const* rows, const int* starts, int runs, int n, const int* fields, int count,
               double* const* out);
  // A zone on bars begin..end-1: where it is at most as far from the close as the nearest one so far (NaN:
  // none), its distance (smc/zones.h) and id take that one's place. Without `within` nothing is counted;
  // count += 1 where it is no farther than that.
  void (*nearest_zone)(const double* close, const double* within, double near, double far, int64_t id,
                       int begin, int end, double* distance, int64_t* nearest, double* count);

  // ---- columns[0..count-1] to the n rows of a matrix; what its type cannot hold, infinity too, is NaN
  void (*write_rows_float)(const double* const* columns, int count, int n, float* out, int64_t stride);
  void (*write_rows_double)(const double* const* columns, int count, int n, double* out, int64_t stride);
};

const Kernels& kernels();

// All levels this machine can run, narrowest first.
struct KernelLevel {
  const char* name;
  const Kernels* kernels;
};
int kernel_levels(KernelLevel out[3]);

}  // namespace smctrain::features
