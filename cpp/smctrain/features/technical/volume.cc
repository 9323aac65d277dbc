// Volume against its recent past, and price-volume flows: vol_rel, obv, ad, adosc, mfi.
//
// Features stay NaN until the volume of the segment has taken a second value: a constant volume says nothing,
// and whether it stays constant cannot be known ahead. A missing volume counts as a missing bar for this
// family.
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/recursive.h"
#include "smctrain/features/technical/windows.h"

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

  void push_block(const Block& block, double* const* out) override {
    const Kernels& k = kernels();
    const int n = block.n;
    double* volume = volumes_.extend(n);
    const bool plain = block.plain && k.all_finite(block.volume, Block::kPast, n);
    if (plain) {
      std::copy_n(block.volume, n, volume);
    } else {
      for (int t = 0; t < n; ++t) volume[t] = std::isfinite(block.close[t]) ? finite(block.volume[t]) : kNaN;
    }
    BlockValues mean;
    if (out[0] != nullptr || out[2] != nullptr) {
      volume_.push(volume, block.row, n, mean);
      k.quotient(mean, 20.0, n, mean);
    }
    if (out[1] != nullptr || out[2] != nullptr) {
      double* obv = obv_values_.extend(n);
      balance(block, volume, plain, obv);
      if (out[1] != nullptr) std::copy_n(obv, n, out[1]);
      if (out[2] != nullptr) {
        k.window_slope(obv, 20, n, out[2]);
        if (!plain) blank_gaps(obv, 20, n, out[2]);
        k.scaled_ratio(out[2], mean, 1.0, n, out[2]);
      }
    }
    if (out[0] != nullptr) k.scaled_ratio(volume, mean, 1.0, n, out[0]);
    if (out[3] != nullptr || out[4] != nullptr) distribution(block, volume, out);
    if (out[5] != nullptr) flow(block, volume, out[5]);
    blank_until_varied(volume, n, out);
  }
  void reset() override {
    first_volume_ = kNaN;
    varied_ = false;
    for (Recent* stream : {&volumes_, &obv_values_, &typical_, &rises_, &falls_}) stream->reset();
    volume_.reset();
    obv_ = ad_ = 0.0;
    close_ = kNaN;
    ad_fast_.reset();
    ad_slow_.reset();
    rows_ = 0;
    up_.reset();
    down_.reset();
  }

 private:
  static double finite(double x) { return std::isfinite(x) ? x : kNaN; }

  // On-balance volume; NaN where close or volume is missing. plain: none is, in the block and right before
  // it.
  void balance(const Block& block, const double* volume, bool plain, double* out) {
    const int n = block.n;
    double obv = obv_;
    if (plain) {
      BlockValues signed_volume;
      kernels().signed_volume(block.close, volume, n, signed_volume);
      for (int t = 0; t < n; ++t) out[t] = obv += signed_volume[t];
      close_ = block.close[n - 1];
    } else {
      for (int t = 0; t < n; ++t) {
        out[t] = kNaN;
        if (std::isnan(volume[t])) continue;
        if (std::isnan(close_)) {
          obv = volume[t];
        } else if (block.close[t] > close_) {
          obv += volume[t];
        } else if (block.close[t] < close_) {
          obv -= volume[t];
        }
        close_ = block.close[t];
        out[t] = obv;
      }
    }
    obv_ = obv;
  }

  // Accumulation and its oscillator.
  void distribution(const Block& block, const double* volume, double* const* out) {
    for (int t = 0; t < block.n; ++t) {
      double ad = kNaN;
      if (!std::isnan(volume[t])) {
        const double close = block.close[t];
        const double range = block.high[t] - block.low[t];
        if (range > 0.0) ad_ += ((close - block.low[t]) - (block.high[t] - close)) / range * volume[t];
        ad = ad_;
        ++rows_;
      }
      const double fast = ad_fast_.push(ad);
      const double slow = ad_slow_.push(ad);
      if (out[3] != nullptr) out[3][t] = ad;
      if (out[4] != nullptr) out[4][t] = rows_ >= 10 ? fast - slow : kNaN;
    }
  }

  void flow(const Block& block, const double* volume, double* out) {
    const Kernels& k = kernels();
    const int n = block.n;
    double* typical = typical_.extend(n);
    double* rises = rises_.extend(n);
    double* falls = falls_.extend(n);
    k.typical_price(block.high, block.low, block.close, n, typical);
    k.money_flow(typical, volume, n, rises, falls);  // no direction on row 0
    BlockValues up;
    BlockValues down;
    up_.push(rises, block.row, n, up);
    down_.push(falls, block.row, n, down);
    k.share_of_moves(up, down, n, out);
  }

  void blank_until_varied(const double* volume, int n, double* const* out) {
    for (int t = 0; t < n && !varied_; ++t) {
      if (std::isfinite(volume[t])) {
        if (std::isnan(first_volume_)) first_volume_ = volume[t];
        varied_ = volume[t] != first_volume_;
      }
      if (varied_) break;
      for (const int c : {0, 2, 4, 5}) {
        if (out[c] != nullptr) out[c][t] = kNaN;
      }
    }
  }

  double first_volume_ = kNaN;
  bool varied_ = false;
  Recent volumes_;  // NaN where close or volume is missing
  Recent obv_values_;
  Recent typical_;
  Recent rises_;  // money flow of rising and falling bars
  Recent falls_;
  RollingSums<20> volume_;
  double obv_ = 0.0;
  double ad_ = 0.0;
  double close_ = kNaN;  // of the last bar with a volume
  EmaFirst ad_fast_{3};
  EmaFirst ad_slow_{10};
  int64_t rows_ = 0;
  RollingSums<14> up_{1};
  RollingSums<14> down_{1};
};

}  // namespace

std::unique_ptr<Machine> make_volume_machine() { return std::make_unique<VolumeMachine>(); }

}  // namespace smctrain::features
