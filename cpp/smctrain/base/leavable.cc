#include "smctrain/base/leavable.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "smctrain/base/thread_memory.h"

namespace smctrain {

namespace {

constexpr std::chrono::milliseconds kPoll{10};

}  // namespace

// Never destroyed: a thread may still be running when static objects are.
class Background {
 public:
  static Background& instance() {
    static auto* const background = new Background();
    return *background;
  }

  void adopt(std::thread thread, std::shared_ptr<Leavable> state) {
    const std::scoped_lock lock(mutex_);
    sweep();
    left_.push_back({std::move(thread), std::move(state)});
  }

  int64_t count() {
    const std::scoped_lock lock(mutex_);
    sweep();
    return static_cast<int64_t>(left_.size());
  }

 private:
  struct Entry {
    std::thread thread;
    std::shared_ptr<Leavable> state;
  };

  static bool is_done(const Entry& entry) {
    const std::scoped_lock lock(entry.state->mutex_);
    return entry.state->done_;
  }

  // A worker that is done has only its own end before it: joining takes no time.
  void sweep() {
    for (Entry& entry : left_) {
      if (is_done(entry)) entry.thread.join();
    }
    std::erase_if(left_, [](const Entry& entry) { return !entry.thread.joinable(); });
  }

  std::mutex mutex_;
  std::vector<Entry> left_;
};

void Leavable::go_away() {
  const std::scoped_lock lock(mutex_);
  away_ = true;
}

void Leavable::come_back() {
  const std::scoped_lock lock(mutex_);
  away_ = false;
  if (left_) throw Left{};
}

bool run_leavable(const StopToken& stop, const std::shared_ptr<Leavable>& state, std::function<void()> work,
                  const std::function<bool()>& may_leave, std::chrono::milliseconds grace) {
  auto shared_work = std::make_shared<std::function<void()>>(std::move(work));
  require_thread_memory();
  std::thread worker;
  try {
    worker = std::thread([state, shared_work]() mutable {
      take_thread_memory();
      std::exception_ptr error;
      try {
        (*shared_work)();
      } catch (...) {
        error = std::current_exception();
      }
      shared_work.reset();  // what the work owned goes before it counts as done
      const std::scoped_lock lock(state->mutex_);
      if (!state->left_) state->error_ = std::move(error);
      error = nullptr;
      state->done_ = true;
      state->finished_.notify_one();
    });
  } catch (const std::system_error&) {
    (*shared_work)();
    return true;
  }
  shared_work.reset();
  using Clock = std::chrono::steady_clock;
  bool stopping = false;
  Clock::time_point since{};
  std::unique_lock lock(state->mutex_);
  while (!state->finished_.wait_for(lock, kPoll, [&] { return state->done_; })) {
    if (!stopping && stop.stop_requested()) {
      stopping = true;
      since = Clock::now();
    }
    if (stopping && state->away_ && Clock::now() - since >= grace && may_leave()) {
      state->left_ = true;
      lock.unlock();
      Background::instance().adopt(std::move(worker), state);
      return false;
    }
  }
  lock.unlock();
  worker.join();
  if (state->error_) std::rethrow_exception(std::exchange(state->error_, nullptr));
  return true;
}

int64_t background_work() { return Background::instance().count(); }

bool wait_for_background(std::chrono::milliseconds wait) {
  const auto end = std::chrono::steady_clock::now() + wait;
  while (background_work() > 0) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::min(std::chrono::milliseconds(2), wait));
  }
  return true;
}

}  // namespace smctrain
