// The append-only log of everything the engine has found.
//
//   origin          bar where the structure sits
//   known_at        bar at whose close it is first knowable; origin <= known_at
//   invalidated_at  first bar at whose close it is dead, -1 while it lives; known_at <= invalidated_at
//   touched_at, filled_at, resolved_at
//                   first bar of that step in a zone's life, -1 before; bounce_q shows from resolved_at on
//   state           last state; every change of state has its bar above, so prefixes can be rebuilt
//
// A later bar appends rows or closes them. It never edits what was frozen at known_at, it never deletes.
// Times are bars accepted since the start of the segment; the batch turns them into rows of the bar array.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace smctrain::features::smc {

enum class EventKind : int8_t {
  kSwingHigh,
  kSwingLow,
  kBos,
  kChoch,
  kFvg,
  kOrderBlock,
  kPool,
  kSweep,
  kRun,
  kBreaker,
  kZigzagHigh,
  kZigzagLow
};

enum class ZoneState : int8_t { kFresh, kTouched, kFilled, kInvalidated, kExpired, kMerged };

inline constexpr int64_t kNever = -1;

// When something last happened, also as a number that is NaN before it ever did: the bars since then are one
// subtraction.
struct Moment {
  int64_t at = kNever;
  double number = std::numeric_limits<double>::quiet_NaN();

  Moment() = default;
  explicit Moment(int64_t t) : at(t), number(static_cast<double>(t)) {}
};

struct Event {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  EventKind kind = EventKind::kSwingHigh;
  int8_t side = 0;  // +1 long side (swing high, bullish zone, buy-side pool), -1 its mirror
  ZoneState state = ZoneState::kFresh;
  int64_t origin = kNever;
  int64_t known_at = kNever;
  int64_t invalidated_at = kNever;
  int64_t touched_at = kNever;
  int64_t filled_at = kNever;
  int64_t resolved_at = kNever;
  double top = kNone;     // zones
  double bottom = kNone;  // zones
  double level = kNone;   // swings, breaks, pools
  double size_atr = kNone;
  double disp_atr = kNone;
  double body_ratio = kNone;
  double clean = kNone;
  double quality = kNone;
  double bounce_q = kNone;
  int32_t members = 0;  // swings of a pool, gaps merged into this one
  bool has_fvg = false;
  bool struct_aligned = false;
  bool bos_ctx = false;
  bool choch_ctx = false;
  bool ema_aligned = false;
  bool rsi_ok = false;
};

// A log may be absent: the feature machine needs the columns only. Ids are positions in the log, kNever
// without one. Events never move: the log grows by chunks.
class EventLog {
 public:
  int64_t append(const Event& event) {
    const auto at = static_cast<size_t>(size_);
    if (at == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<Chunk>());
    (*chunks_[at / kChunk])[at % kChunk] = event;
    return size_++;
  }
  Event& operator[](int64_t id) {
    const auto at = static_cast<size_t>(id);
    return (*chunks_[at / kChunk])[at % kChunk];
  }
  const Event& operator[](int64_t id) const {
    const auto at = static_cast<size_t>(id);
    return (*chunks_[at / kChunk])[at % kChunk];
  }
  int64_t size() const { return size_; }

 private:
  static constexpr size_t kChunk = 1024;
  using Chunk = std::array<Event, kChunk>;

  std::vector<std::unique_ptr<Chunk>> chunks_;
  int64_t size_ = 0;
};

}  // namespace smctrain::features::smc
