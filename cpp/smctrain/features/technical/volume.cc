// Volume against its recent past, and price-volume flows: vol_rel, obv, ad, adosc, mfi.
//
// Features stay NaN until the volume of the segment has taken a second value: a constant volume says nothing,
// and whether it stays constant cannot be known ahead. A missing volume counts as a missing bar for this
// family.
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/recursive.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {
namespace {

class VolumeMachine final : public TableMachine {
 public:
  VolumeMachine()
      : TableMachine({
            make_column("vol_rel_20", "volume", "ratio", 20, 19, 0, "V / mean(V, 20)"),
            make_column("obv", "volume", "volume", kForever, 0, kForever,
                        "V[0], then plus or minus V by the sign of dC", "level"),
            make_column("obv_slope_20", "volume", "ratio", 20, 19, 0,
                        "least-squares slope of obv over 20 bars / mean(V, 20)"),
            make_column("ad", "volume", "volume", kForever, 0, kForever,
                        "sum of ((C-L)-(H-C))/(H-L) V, term 0 if H = L", "level"),
            make_column("adosc_3_10", "volume", "volume", kForever, 9, ema_settle(10, 1e-8),
                        "ema_first_3(ad) - ema_first_10(ad)"),
            make_column("mfi_14", "volume", "pct", 15, 14, 0,
                        "100 P/(P+M), money flow tp V by the direction of tp over 14 bars; 0 if P+M = 0"),
        }) {}

  void push(const Bar& bar, const Context&, double* out) override {
    all_nan(out);
    const bool known = std::isfinite(bar.close) && std::isfinite(bar.volume);
    const double volume = known ? bar.volume : kNaN;
    if (known) {
      if (std::isnan(first_volume_)) first_volume_ = volume;
      varied_ = varied_ || volume != first_volume_;
    }
    const double mean = volume_.push_mean(volume);
    const double obv = known ? advance_obv(bar) : kNaN;
    obv_window_.push(obv);
    const double ad = known ? advance_ad(bar) : kNaN;
    const double fast = ad_fast_.push(ad);
    const double slow = ad_slow_.push(ad);
    if (known) ++rows_;
    const double flow = money_flow(bar, volume);
    out[1] = obv;
    out[3] = ad;
    if (!varied_) return;
    out[0] = safe_div(volume, mean);
    out[2] = safe_div(rolling_slope(obv_window_), mean);
    out[4] = rows_ >= 10 ? fast - slow : kNaN;
    out[5] = flow;
  }
  void reset() override {
    first_volume_ = kNaN;
    varied_ = false;
    volume_.reset();
    obv_window_.reset();
    obv_ = ad_ = 0.0;
    close_ = kNaN;
    ad_fast_.reset();
    ad_slow_.reset();
    rises_.reset();
    falls_.reset();
    typical_ = kNaN;
    flow_rows_ = 0;
    rows_ = 0;
  }

 private:
  double advance_obv(const Bar& bar) {
    if (std::isnan(close_)) {
      obv_ = bar.volume;
    } else if (bar.close > close_) {
      obv_ += bar.volume;
    } else if (bar.close < close_) {
      obv_ -= bar.volume;
    }
    close_ = bar.close;
    return obv_;
  }
  double advance_ad(const Bar& bar) {
    const double range = bar.high - bar.low;
    if (range > 0.0) ad_ += ((bar.close - bar.low) - (bar.high - bar.close)) / range * bar.volume;
    return ad_;
  }
  double money_flow(const Bar& bar, double volume) {
    const double typical = (bar.high + bar.low + bar.close) / 3.0;
    const double change = typical - typical_;
    typical_ = typical;
    if (flow_rows_++ == 0) return kNaN;  // row 0 has no direction and must not enter the windows
    const double flow = typical * volume;
    const bool tie = std::abs(change) <= 1e-12 * typical;
    const bool bad = std::isnan(change) || std::isnan(flow);
    const double up = rises_.push(bad ? kNaN : (!tie && change > 0.0 ? flow : 0.0));
    const double down = falls_.push(bad ? kNaN : (!tie && change < 0.0 ? flow : 0.0));
    if (std::isnan(up)) return kNaN;
    return up + down > 0.0 ? 100.0 * up / (up + down) : 0.0;
  }

  double first_volume_ = kNaN;
  bool varied_ = false;
  RollingSum volume_{20};
  Window obv_window_{20};
  double obv_ = 0.0;
  double ad_ = 0.0;
  double close_ = kNaN;
  EmaFirst ad_fast_{3};
  EmaFirst ad_slow_{10};
  RollingSum rises_{14};
  RollingSum falls_{14};
  double typical_ = kNaN;
  int64_t flow_rows_ = 0;
  int64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<Machine> make_volume_machine() { return std::make_unique<VolumeMachine>(); }

}  // namespace smctrain::features
