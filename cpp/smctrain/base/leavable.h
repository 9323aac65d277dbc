// Work that calls into a library which cannot be interrupted, so that the one who waits may go on without it.
//
//   worker      the thread that does the work. Inside a foreign call it touches nothing but memory that it
//   owns
//               (shared pointers): the waiter may be gone by the time the call ends.
//   foreign     a call into such a library. Only there can a worker be left.
//   home        inside a foreign call, a callback of ours: the worker may look at the waiter's memory again.
//   left        the stop token fired, `grace` is over, and the waiter returned without the worker. The worker
//               unwinds (Left) as soon as the foreign call is over; until then it is background work.
//   background  threads that were left. They are counted, joined when they are done, and all joined before
//   the
//               process ends (wait_for_background), so that no library is torn down under a running thread.
//
// Cost: one thread per fit and two uncontended locks per foreign call.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "smctrain/base/stop.h"

namespace smctrain {

class Leavable {
 public:
  struct Left {};  // thrown in a worker that was left

  template <class Call>
  void foreign(Call&& call) {
    go_away();
    try {
      call();
    } catch (...) {
      come_back();
      throw;
    }
    come_back();
  }

  // False, without calling, when the worker was left: the foreign call should end early then. `call` must not
  // throw.
  template <class Call>
  bool home(Call&& call) {
    {
      const std::scoped_lock lock(mutex_);
      if (left_) return false;
      away_ = false;
    }
    call();
    go_away();
    return true;
  }

 private:
  friend bool run_leavable(const StopToken&, const std::shared_ptr<Leavable>&, std::function<void()>,
                           const std::function<bool()>&, std::chrono::milliseconds);
  friend class Background;

  void go_away();
  void come_back();

  std::mutex mutex_;
  std::condition_variable finished_;
  bool away_ = false;
  bool left_ = false;
  bool done_ = false;
  std::exception_ptr error_;
};

inline constexpr std::chrono::milliseconds kGrace{100};

// Runs `work` on a thread of its own and waits. True: it came back (its exception is rethrown here). False:
// it was left, which happens only inside a foreign call, when the stop token has fired `grace` ago and
// `may_leave` agrees (asked while the worker is away, so that it may read what the worker wrote before).
// Without a thread to be had the work is done here.
bool run_leavable(const StopToken& stop, const std::shared_ptr<Leavable>& state, std::function<void()> work,
                  const std::function<bool()>& may_leave, std::chrono::milliseconds grace = kGrace);

// Threads that were left and still run.
int64_t background_work();

// Joins what was left; false when `wait` was over before.
bool wait_for_background(std::chrono::milliseconds wait);

}  // namespace smctrain
