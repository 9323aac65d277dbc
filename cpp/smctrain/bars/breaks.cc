#include "smctrain/bars/breaks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

#include "smctrain/bars/timestamp.h"
#include "smctrain/base/error.h"

namespace smctrain {
namespace {

constexpr std::array kFactors{5.0 / 4, 4.0 / 3, 3.0 / 2, 2.0,  3.0,  4.0,  5.0,  6.0,
                              7.0,     8.0,     10.0,    15.0, 20.0, 25.0, 50.0, 100.0};

// Just inside the borders in logarithms: exp(0.25) = 1.2840.., exp(0.18) = 1.1972..
constexpr double kFarRatio = 1.284;
constexpr double kSmallSplitRatio = 1.197;

double distance(double a, double b) { return std::abs(std::log(a / b)); }

bool is_usable(const Bar& bar) {
  return std::isfinite(bar.open) && std::isfinite(bar.high) && std::isfinite(bar.low) &&
         std::isfinite(bar.close) && bar.close > 0.0;
}

struct Hull {
  double low;
  double high;
  void include(double price) {
    low = std::min(low, price);
    high = std::max(high, price);
  }
};

Hull extremes(const Bar& bar) {
  Hull hull{bar.close, bar.close};
  for (const double price : {bar.open, bar.high, bar.low}) hull.include(price);
  return hull;
}

// The extreme that is farther from `inner`, over the border of `inner` that it passed.
double farthest(const Hull& outer, const Hull& inner) {
  const double up = outer.high / inner.high;
  const double down = std::max(outer.low, 0.0) / inner.low;
  return up * down >= 1.0 ? up : down;  // down = 0 is farther than anything
}

}  // namespace

const char* break_name(BreakKind kind) {
  constexpr std::array<const char*, kBreakKinds> kNames{"split", "jump", "bad_print", "listing",
                                                        "ticker_reuse"};
  return kNames[static_cast<size_t>(kind)];
}

int64_t segment_gap_ns(int64_t timeframe_ns) {
  if (timeframe_ns < kDayNs) return 7 * kDayNs;
  return (timeframe_ns < 7 * kDayNs ? 5 : 2) * timeframe_ns;
}

template <size_t N>
double Recent<N>::median() const {
  std::array<double, N> sorted = values_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(size_ / 2);
  std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(size_));
  return *middle;
}

BreakFinder::BreakFinder(int64_t timeframe_ns, int64_t gap_ns, std::array<bool, kBreakKinds> active)
    : timeframe_ns_(timeframe_ns), gap_ns_(gap_ns), active_(active) {}

double BreakFinder::scale() const {
  if (scale_ < 0.0) {
    scale_ = moves_.size() < kMinHistory ? 0.0 : 1.4826 * moves_.median() * std::sqrt(elapsed_);
  }
  return scale_;
}

bool BreakFinder::far(double a, double b) const {
  if (!(a > 0.0) || !(b > 0.0)) return false;
  if (a < kFarRatio * b && b < kFarRatio * a) return false;  // spares most bars a logarithm
  const double apart = distance(a, b);
  return apart > kFarLog && apart > kFarScales * scale();
}

bool BreakFinder::add(const Break& found) {
  breaks_.push_back(found);
  return is_active(found.kind);
}

bool BreakFinder::is_other_security(const Bar& bar, int64_t pause) const {
  if (pause <= std::max(gap_ns_, kReusePauseNs)) return false;
  if (far(bar.open, trusted_)) return true;
  if (volumes_.size() < kMinHistory || !(bar.volume > 0.0)) return false;
  const double usual = volumes_.median();
  return usual > 0.0 && (bar.volume > kReuseVolume * usual || bar.volume * kReuseVolume < usual);
}

bool BreakFinder::is_listing(const Bar& bar, double* ratio) const {
  if (listing_rows_ < 0 || listing_rows_ >= kListingBars) return false;
  *ratio = farthest(extremes(bar), {bar.close, bar.close});
  return std::abs(std::log(*ratio)) > kFarLog;
}

bool BreakFinder::is_spike(const Bar& bar, double* ratio) const {
  const Hull outer = extremes(bar);
  Hull inner{bar.close, bar.close};
  inner.include(trusted_);
  if (bar.open > std::max(outer.low, 0.0) && bar.open < outer.high) inner.include(bar.open);
  *ratio = farthest(outer, inner);
  if (*ratio > 1.0 / kFarRatio && *ratio < kFarRatio) return false;
  const double apart = std::abs(std::log(*ratio));
  if (!(apart > kFarLog && apart > kFarScales * scale())) return false;
  if (!(apart > kLonely * distance(inner.high, inner.low))) return false;
  return ranges_.size() < kMinHistory || apart > kLonely * ranges_.median();
}

size_t BreakFinder::closes_of_bad_level(double open) const {
  for (size_t k = 1; k < closes_.size(); ++k) {
    const double before = closes_.last(k);
    if (!far(closes_.last(k - 1), before)) continue;
    const double limit = kNearScales * scale() * std::sqrt(static_cast<double>(k + 1));
    const double apart = distance(open, before);
    if (apart > kNearLog || (scale() > 0.0 && apart > limit)) continue;
    bool all_far = true;
    for (size_t j = 0; j < k; ++j) all_far = all_far && far(closes_.last(j), before);
    if (all_far) return k;
  }
  return 0;
}

bool BreakFinder::is_split(const Bar& bar, double ratio, double* factor) const {
  const double apart = std::abs(std::log(ratio));
  double off = 1.0;
  double shares = 0.0;
  for (const double candidate : kFactors) {
    const double residual = std::abs(apart - std::log(candidate));
    if (residual >= off) continue;
    off = residual;
    shares = ratio < 1.0 ? candidate : 1.0 / candidate;
  }
  *factor = shares;
  const double usual = volumes_.size() < kMinHistory ? 0.0 : volumes_.median();
  const bool calm = !(usual > 0.0) || !(bar.volume > kNewsVolume * usual * std::max(1.0, shares));
  const bool exact = off <= kExactScales * scale();
  if (distance(bar.close, bar.open) > 0.5 * apart) return false;  // does not stay there
  if (apart <= kFarLog) return calm && exact;
  if (scale() <= 0.0) return calm && off <= 0.02;
  return exact || (calm && off <= kSplitScales * scale() && off <= kNearLog + 0.025);
}

bool BreakFinder::push(const Bar& bar) {
  const int64_t t = row_++;
  const int64_t pause = t == 0 ? 0 : bar.ts_open - last_close_time_;
  last_close_time_ = bar.ts_close;
  bool starts = t > 0 && (pause > gap_ns_ || span_ended_);
  span_ended_ = false;
  if (!is_usable(bar)) return starts;

  const auto idle = static_cast<double>(std::max(pause, int64_t{0}));
  elapsed_ = 1.0 + idle / static_cast<double>(timeframe_ns_);
  scale_ = -1.0;
  if (has_close_ && is_other_security(bar, pause)) {
    starts |= add({BreakKind::kTickerReuse, t, t, security_start_, t - 1, bar.open / trusted_});
    begin_security(t);
  }
  const bool is_wild = is_lone_print(bar, t);
  starts |= is_wild && span_ended_;
  const Hull outer = extremes(bar);
  if (outer.low > 0.0) ranges_.push(distance(outer.high, outer.low));
  if (is_wild) {
    if (!has_close_) trusted_ = bar.close;
    has_close_ = true;
    return t > 0 && starts;
  }

  if (has_close_) {
    if (bar.open > 0.0) starts |= is_new_level(bar, t);
    moves_.push(distance(bar.close, trusted_));
  }
  trusted_ = bar.close;
  has_close_ = true;
  closes_.push(bar.close);
  rows_.push(static_cast<double>(t));
  if (std::isfinite(bar.volume)) volumes_.push(bar.volume);
  return t > 0 && starts;
}

void BreakFinder::begin_security(int64_t t) {
  security_start_ = t;
  listing_rows_ = 0;
  has_close_ = false;
  scale_ = -1.0;
  moves_.clear();
  ranges_.clear();
  volumes_.clear();
  closes_.clear();
  rows_.clear();
}

bool BreakFinder::is_lone_print(const Bar& bar, int64_t t) {
  double ratio = 1.0;
  BreakKind kind = BreakKind::kListing;
  if (is_listing(bar, &ratio)) {
    ++listing_rows_;
  } else {
    listing_rows_ = -1;
    if (!has_close_ || !is_spike(bar, &ratio)) return false;
    kind = BreakKind::kBadPrint;
  }
  span_ended_ = add({kind, t, t, t, t, ratio});
  return true;
}

bool BreakFinder::is_new_level(const Bar& bar, int64_t t) {
  const double ratio = bar.open / trusted_;
  if (far(bar.open, trusted_)) {
    const size_t bad = closes_of_bad_level(bar.open);
    if (bad > 0) {
      const auto first = static_cast<int64_t>(rows_.last(bad - 1));
      return add({BreakKind::kBadPrint, first, t, first, t - 1, closes_.last() / closes_.last(bad)});
    }
    double factor = 0.0;
    const bool split = is_split(bar, ratio, &factor);
    return add({split ? BreakKind::kSplit : BreakKind::kJump, t, t, t, t - 1, ratio, split ? factor : 0.0});
  }
  if (ratio > 1.0 / kSmallSplitRatio && ratio < kSmallSplitRatio) return false;
  const double apart = std::abs(std::log(ratio));
  double factor = 0.0;
  if (scale() <= 0.0 || apart <= kSmallSplitLog || apart <= kFarScales * scale()) return false;
  return is_split(bar, ratio, &factor) && add({BreakKind::kSplit, t, t, t, t - 1, ratio, factor});
}

template <class Visitor>
void BreakFinder::visit(Visitor& visitor) {
  visitor(row_);
  visitor(security_start_);
  visitor(listing_rows_);
  visitor(span_ended_);
  visitor(last_close_time_);
  visitor(has_close_);
  visitor(trusted_);
  moves_.visit(visitor);
  volumes_.visit(visitor);
  ranges_.visit(visitor);
  closes_.visit(visitor);
  rows_.visit(visitor);
}

std::vector<int64_t> BreakFinder::state() const {
  std::vector<int64_t> words;
  const auto write = [&](auto value) {
    if constexpr (std::is_same_v<decltype(value), double>) {
      words.push_back(std::bit_cast<int64_t>(value));
    } else {
      words.push_back(static_cast<int64_t>(value));
    }
  };
  BreakFinder copy = *this;
  copy.visit(write);
  return words;
}

void BreakFinder::restore(std::span<const int64_t> state) {
  size_t at = 0;
  const auto read = [&](auto& value) {
    if (at >= state.size()) raise("InputError", "the state of a break finder is too short.");
    const int64_t word = state[at++];
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>) {
      value = std::bit_cast<double>(word);
    } else {
      value = static_cast<std::decay_t<decltype(value)>>(word);
    }
  };
  visit(read);
  if (at != state.size()) raise("InputError", "the state of a break finder is too long.");
}

Breaks find_breaks(const BarsView& bars, int64_t timeframe_ns, std::array<bool, kBreakKinds> active) {
  BreakFinder finder(timeframe_ns, segment_gap_ns(timeframe_ns), active);
  Breaks out;
  out.segment.resize(bars.close.size());
  out.quarantine.resize(bars.close.size());
  int32_t id = 0;
  for (int64_t t = 0; t < bars.size(); ++t) {
    if (finder.push(bars[t])) ++id;
    out.segment[static_cast<size_t>(t)] = id;
  }
  out.breaks = finder.breaks();
  for (const Break& found : out.breaks) {
    if (!finder.is_active(found.kind)) continue;
    for (int64_t t = found.first; t <= found.last; ++t) out.quarantine[static_cast<size_t>(t)] = 1;
  }
  return out;
}

}  // namespace smctrain
