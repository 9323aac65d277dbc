// Stop token: how a long native call learns that it should end early.
//
//   flag       one byte of memory that several parties may see (a NumPy array, shared memory of a parent
//   process).
//              0 means go on; any other value is a StopReason.
//   deadline   optional monotonic time after which the reason is kTimeout.
//
// Kernels poll stop_requested() at least every 20 ms of work: per tree level, boosting round, batch, block of
// rows. A poll is one relaxed load plus one clock read.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

namespace smctrain {

enum class StopReason : uint8_t { kNone = 0, kCancelled = 1, kTimeout = 2, kInterrupted = 3 };

inline const char* to_string(StopReason reason) {
  switch (reason) {
    case StopReason::kCancelled:
      return "cancelled";
    case StopReason::kTimeout:
      return "timeout";
    case StopReason::kInterrupted:
      return "interrupted";
    default:
      return "";
  }
}

class StopToken {
 public:
  using Clock = std::chrono::steady_clock;

  StopToken() = default;
  // flag may be null. time_limit_s <= 0 or infinite means no time limit.
  explicit StopToken(uint8_t* flag, double time_limit_s = 0.0) : flag_(flag) {
    if (time_limit_s > 0.0 && time_limit_s < 1e9) {
      has_deadline_ = true;
      deadline_ = Clock::now() +
                  std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(time_limit_s));
    }
  }

  StopReason reason() const {
    if (flag_ != nullptr) {
      const uint8_t value = std::atomic_ref<uint8_t>(*flag_).load(std::memory_order_relaxed);
      if (value != 0) return value <= 3 ? static_cast<StopReason>(value) : StopReason::kCancelled;
    }
    if (has_deadline_ && Clock::now() >= deadline_) return StopReason::kTimeout;
    return StopReason::kNone;
  }
  bool stop_requested() const { return reason() != StopReason::kNone; }

  double seconds_left() const {
    if (!has_deadline_) return std::numeric_limits<double>::infinity();
    return std::chrono::duration<double>(deadline_ - Clock::now()).count();
  }

 private:
  uint8_t* flag_ = nullptr;
  bool has_deadline_ = false;
  Clock::time_point deadline_{};
};

// Thrown by poll(): the work ends here, and somebody above knows what to hand out. Never leaves the core.
struct Stopped {
  StopReason reason;
};

inline void poll(const StopToken& stop) {
  if (const StopReason reason = stop.reason(); reason != StopReason::kNone) throw Stopped{reason};
}

}  // namespace smctrain
