// Position inside the recent range as oscillators: stoch, willr, cci, aroon. Definitions equal TA-Lib's.
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {
namespace {

class OscillatorsMachine final : public TableMachine {
 public:
  OscillatorsMachine()
      : TableMachine({
            make_column("stoch_k_14_3_3", "technical", "pct", 18, 17, 0,
                        "sma_3 of 100 (C-LL)/(HH-LL) over 14; 0 if HH = LL"),
            make_column("stoch_d_14_3_3", "technical", "pct", 18, 17, 0, "sma_3 of stoch_k"),
            make_column("willr_14", "technical", "pct", 14, 13, 0,
                        "-100 (HH-C)/(HH-LL) over 14; 0 if HH = LL"),
            make_column("cci_20", "technical", "ratio", 20, 19, 0,
                        "(tp - mean) / (0.015 mean |tp - mean|) over 20; 0 if the denominator is 0"),
            make_column("aroon_up_14", "technical", "pct", 15, 14, 0,
                        "100 (14 - bars since the highest high of rows t-14..t) / 14, latest tie"),
            make_column("aroon_down_14", "technical", "pct", 15, 14, 0,
                        "100 (14 - bars since the lowest low of rows t-14..t) / 14, latest tie"),
        }) {}

  void push(const Bar& bar, const Context&, double* out) override {
    const double high = high_14_.push(bar.high);
    const double low = low_14_.push(bar.low);
    const double width = high - low;
    const double k = k_.push_mean(width == 0.0 ? 0.0 : 100.0 * (bar.close - low) / width);
    const double d = d_.push_mean(k);
    out[0] = std::isnan(d) ? kNaN : k;  // both start together
    out[1] = d;
    out[2] = width == 0.0 ? 0.0 : -100.0 * (high - bar.close) / width;
    out[3] = cci(bar);
    high_15_.push(bar.high);
    low_15_.push(bar.low);
    out[4] = high_15_.usable() ? 100.0 * static_cast<double>(14 - high_15_.age()) / 14.0 : kNaN;
    out[5] = low_15_.usable() ? 100.0 * static_cast<double>(14 - low_15_.age()) / 14.0 : kNaN;
  }
  void reset() override {
    high_14_.reset();
    low_14_.reset();
    high_15_.reset();
    low_15_.reset();
    k_.reset();
    d_.reset();
    typical_.reset();
  }

 private:
  double cci(const Bar& bar) {
    typical_.push((bar.high + bar.low + bar.close) / 3.0);
    if (!typical_.usable()) return kNaN;
    if (typical_.all_equal()) return 0.0;
    const double mean = rolling_mean(typical_);
    double deviation = 0.0;
    for (int i = 0; i < typical_.width(); ++i) deviation += std::abs(typical_.oldest(i) - mean);
    deviation /= typical_.width();
    const double difference = typical_.newest() - mean;
    return difference == 0.0 || deviation == 0.0 ? 0.0 : difference / (0.015 * deviation);
  }

  RollingMax high_14_{14};
  RollingMin low_14_{14};
  RollingMax high_15_{15};
  RollingMin low_15_{15};
  RollingSum k_{3};
  RollingSum d_{3};
  Window typical_{20};
};

}  // namespace

std::unique_ptr<Machine> make_oscillators_machine() { return std::make_unique<OscillatorsMachine>(); }

}  // namespace smctrain::features
