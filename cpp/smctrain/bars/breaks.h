// Breaks: places where a series goes on as another one. No market made them, or nobody can tell at that bar.
//
//   scale     usual size of a bar-to-bar move: 1.4826 x the median |ln(close / previous close)| of the up to
//             kMoveWindow ordinary bars before; none with fewer than kMinHistory of them. Times the square
//             root of the bars that would fit since the last close (nights and weekends move more than one
//             bar).
//   far       |ln(a / b)| > kFarLog and > kFarScales x scale. near: at most kNearLog and kNearScales x scale.
//   factor    5:4, 4:3, 3:2, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 50, 100 and their inverses
//
//   listing       the first bars of a security, up to kListingBars, while high or low is kFarLog from the
//   close ticker_reuse  after a pause of more than kReusePauseNs (and of the gap limit) the open is far from
//   the last
//                 close, or the volume kReuseVolume times what it was, or that much less. Everything before
//                 belongs to another security.
//   bad_print     a spike: high or low is far from open, close and last close, kLonely times as far as those
//   are
//                 from one another, and kLonely times the median ln(high / low) of the bars before. An open
//                 that is itself the high or low is no witness. Or a level: the open is far from the last
//                 close and near a close at most kReturnBars before, and every close in between is far from
//                 that one.
//   split         the open is far from the last close by a factor: within kSplitScales x scale of it, on at
//   most
//                 kNewsVolume times the usual volume in new shares, or by the factor to kExactScales x scale.
//                 5:4 counts from kSmallSplitLog on, if exact in both.
//   jump          any other open far from the last close: crashes that open that far away are among them.
//
//   origin    first bar of the break: of a split, jump or reuse the first bar of the new level
//   known_at  the bar at whose close all this is known: origin, except for a bad level, which shows when it
//   ends first     to last: the bars that neither labels nor training rows may use; none for a split or a
//   jump segment   starts at known_at, and after the last bar of a spike or listing
//
// Every bar is judged by itself and the bars before, and a break is never taken back: adding bars adds breaks
// and changes none. Bars with prices that are missing, or a close that is not positive, are passed over.
// Cost: O(n), plus O(kMoveWindow) for each bar that may be one.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/bars/bar.h"

namespace smctrain {

inline constexpr double kFarLog = 0.25;
inline constexpr double kFarScales = 8.0;
inline constexpr double kNearLog = 0.125;
inline constexpr double kNearScales = 3.0;
inline constexpr double kLonely = 5.0;
inline constexpr double kSplitScales = 2.5;
inline constexpr double kExactScales = 0.25;
inline constexpr double kSmallSplitLog = 0.18;
inline constexpr double kNewsVolume = 5.0;
inline constexpr double kReuseVolume = 100.0;
inline constexpr int64_t kReusePauseNs = INT64_C(30) * 86'400'000'000'000;
inline constexpr int64_t kListingBars = 8;
inline constexpr size_t kReturnBars = 5;
inline constexpr size_t kMoveWindow = 64;
inline constexpr size_t kVolumeWindow = 20;
inline constexpr size_t kMinHistory = 8;

enum class BreakKind : uint8_t { kSplit, kJump, kBadPrint, kListing, kTickerReuse };
inline constexpr size_t kBreakKinds = 5;
const char* break_name(BreakKind kind);

struct Break {
  BreakKind kind = BreakKind::kJump;
  int64_t origin = 0;
  int64_t known_at = 0;
  int64_t first = 0;
  int64_t last = -1;
  double ratio = 1.0;  // level after over level before; of a spike or listing: print over the level around it
  double factor = 0.0;  // of a split: new shares for an old one
};

// Longest pause inside a segment: 7 days below daily bars, 5 bars for daily, 2 bars for longer ones.
int64_t segment_gap_ns(int64_t timeframe_ns);

// Up to N latest values.
template <size_t N>
class Recent {
 public:
  void push(double value) {
    values_[next_] = value;
    next_ = (next_ + 1) % N;
    size_ = size_ < N ? size_ + 1 : N;
  }
  void clear() { next_ = size_ = 0; }
  size_t size() const { return size_; }
  // The value pushed `back` values before the last one; back < size().
  double last(size_t back = 0) const { return values_[(next_ + N - 1 - back) % N]; }
  double median() const;  // upper of the two middle values; size() > 0

  template <class Visitor>
  void visit(Visitor& visitor) {
    for (double& value : values_) visitor(value);
    visitor(next_);
    visitor(size_);
    next_ %= N;  // whatever a stored state says
    size_ = size_ < N ? size_ : N;
  }

 private:
  std::array<double, N> values_{};
  size_t next_ = 0;
  size_t size_ = 0;
};

class BreakFinder {
 public:
  // `active`: kinds that start segments and set rows aside; the others are only listed.
  explicit BreakFinder(int64_t timeframe_ns, int64_t gap_ns,
                       std::array<bool, kBreakKinds> active = {true, true, true, true, true});

  // Takes the next bar; returns whether a segment starts with it.
  bool push(const Bar& bar);
  // In order of known_at.
  const std::vector<Break>& breaks() const { return breaks_; }
  bool is_active(BreakKind kind) const { return active_[static_cast<size_t>(kind)]; }

  // What decides about later bars (not the breaks found so far), and back; raises InputError for another
  // length.
  std::vector<int64_t> state() const;
  void restore(std::span<const int64_t> state);

 private:
  template <class Visitor>
  void visit(Visitor& visitor);
  double scale() const;  // of the bar that is judged; found when first asked for
  bool is_other_security(const Bar& bar, int64_t pause) const;
  bool is_listing(const Bar& bar, double* ratio) const;
  bool is_spike(const Bar& bar, double* ratio) const;
  // How many of the last closes stand on a level that `open` leaves again; 0: none.
  size_t closes_of_bad_level(double open) const;
  bool is_split(const Bar& bar, double ratio, double* factor) const;
  bool far(double a, double b) const;
  // These list what they find; whether it starts a segment.
  bool add(const Break& found);
  bool is_new_level(const Bar& bar, int64_t t);

  // Whether the bar is a listing or a spike.
  bool is_lone_print(const Bar& bar, int64_t t);
  void begin_security(int64_t t);

  int64_t timeframe_ns_;
  int64_t gap_ns_;
  std::array<bool, kBreakKinds> active_;
  std::vector<Break> breaks_;

  int64_t row_ = 0;
  int64_t security_start_ = 0;  // first row of the present security
  int64_t listing_rows_ = 0;    // wild first rows of it so far; -1 after the first tame one
  bool span_ended_ = false;     // the bar before was the last of a span
  int64_t last_close_time_ = 0;
  double elapsed_ = 1.0;
  mutable double scale_ = -1.0;
  bool has_close_ = false;
  double trusted_ = 0.0;  // last close outside bad prints
  Recent<kMoveWindow> moves_;
  Recent<kVolumeWindow> volumes_;
  Recent<kMoveWindow> ranges_;
  // Closes of ordinary bars of the present security, and their rows.
  Recent<kReturnBars + 1> closes_;
  Recent<kReturnBars + 1> rows_;
};

struct Breaks {
  std::vector<Break> breaks;
  std::vector<int32_t> segment;
  std::vector<uint8_t> quarantine;  // bars that active kinds set aside
};

Breaks find_breaks(const BarsView& bars, int64_t timeframe_ns,
                   std::array<bool, kBreakKinds> active = {true, true, true, true, true});

}  // namespace smctrain
