// Where the close stands inside recent ranges: Bollinger bands (mean +- 2 sd0 of 20 closes) and Donchian
// channels.
#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/rolling.h"

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

  void push(const Bar& bar, const Context&, double* out) override {
    variance_.push(bar.close);
    const double mid = variance_.mean();
    const double sd = variance_.deviation(0);
    out[0] = mid + 2.0 * sd;
    out[1] = mid;
    out[2] = mid - 2.0 * sd;
    out[3] = sd;
    out[4] = safe_div(bar.close - out[2], out[0] - out[2]);
    out[5] = safe_div(out[0] - out[2], mid);
    out[6] = position(bar, high_20_.push(bar.high), low_20_.push(bar.low));
    out[7] = position(bar, high_55_.push(bar.high), low_55_.push(bar.low));
  }
  void reset() override {
    variance_.reset();
    high_20_.reset();
    low_20_.reset();
    high_55_.reset();
    low_55_.reset();
  }

 private:
  static double position(const Bar& bar, double high, double low) {
    return safe_div(bar.close - low, high - low);
  }

  RollingVariance variance_{20};
  RollingMax high_20_{20};
  RollingMin low_20_{20};
  RollingMax high_55_{55};
  RollingMin low_55_{55};
};

}  // namespace

std::unique_ptr<Machine> make_bands_machine() { return std::make_unique<BandsMachine>(); }

}  // namespace smctrain::features
