// Where the close stands inside recent ranges: Bollinger bands (mean +- 2 sd0 of 20 closes) and Donchian
// channels.
#include <algorithm>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/windows.h"

namespace smctrain::features {
namespace {

class BandsMachine final : public TableMachine {
 public:
  BandsMachine()
      : TableMachine({
            make_column("bb_upper_20_2", "technical", "price", 20, 19, 0,
                        "mean + 2 sd0 of the last 20 closes", "level"),
            make_column("bb_mid_20_2", "technical", "price", 20, 19, 0, "mean of the last 20 closes",
                        "level"),
            make_column("bb_lower_20_2", "technical", "price", 20, 19, 0,
                        "mean - 2 sd0 of the last 20 closes", "level"),
            make_column("stddev_20", "technical", "price", 20, 19, 0, "sd0 of the last 20 closes", "level"),
            make_column("bb_pctb_20_2", "technical", "ratio", 20, 19, 0,
                        "(C - lower) / (upper - lower); NaN if they are equal"),
            make_column("bb_width_20_2", "technical", "ratio", 20, 19, 0, "(upper - lower) / mid"),
            make_column("donch_pos_20", "technical", "ratio", 20, 19, 0,
                        "(C - LL) / (HH - LL) over 20 bars, this one included; NaN if HH = LL"),
            make_column("donch_pos_55", "technical", "ratio", 55, 54, 0,
                        "(C - LL) / (HH - LL) over 55 bars, this one included; NaN if HH = LL"),
        }) {}

  void push_block(const Block& block, double* const* out) override {
    if (std::any_of(out, out + 6, [](const double* column) { return column != nullptr; })) bands(block, out);
    for (const int i : {6, 7}) {
      if (out[i] != nullptr) position(block, i == 6 ? 20 : 55, out[i]);
    }
  }
  void reset() override { moments_.reset(); }

 private:
  void bands(const Block& block, double* const* out) {
    const Kernels& k = kernels();
    const int n = block.n;
    BlockValues scratch[4];
    BlockValues width;
    double* upper = or_else(out[0], scratch[0]);
    double* middle = or_else(out[1], scratch[1]);
    double* lower = or_else(out[2], scratch[2]);
    double* deviation = or_else(out[3], scratch[3]);
    moments_.push(block.close, block.row, n, 0, middle, deviation);
    k.weighted_sum(middle, deviation, 2.0, n, upper);
    k.weighted_sum(middle, deviation, -2.0, n, lower);
    if (out[4] == nullptr && out[5] == nullptr) return;
    k.difference(upper, lower, n, width);
    if (out[4] != nullptr) k.difference_ratio(block.close, lower, width, 1.0, n, out[4]);
    if (out[5] != nullptr) k.scaled_ratio(width, middle, 1.0, n, out[5]);
  }

  static void position(const Block& block, int width, double* out) {
    const Kernels& k = kernels();
    BlockValues high;
    BlockValues low;
    BlockValues range;
    k.window_max(block.high, width, block.n, high);
    k.window_min(block.low, width, block.n, low);
    k.difference(high, low, block.n, range);
    if (!block.plain) blank_gaps(block.high, width, block.n, range);
    k.difference_ratio(block.close, low, range, 1.0, block.n, out);
  }

  RollingMoments<20> moments_;
};

}  // namespace

std::unique_ptr<Machine> make_bands_machine() { return std::make_unique<BandsMachine>(); }

}  // namespace smctrain::features
