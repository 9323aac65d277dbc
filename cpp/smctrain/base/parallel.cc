#include "smctrain/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "smctrain/base/thread_memory.h"

namespace smctrain {

void parallel_for(int64_t n, int threads, const std::function<void(int64_t)>& body) {
  const int64_t workers = std::clamp<int64_t>(std::min<int64_t>(threads, n), 1, 256);
  if (workers == 1) {
    for (int64_t i = 0; i < n; ++i) body(i);
    return;
  }
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr first_error;
  std::mutex error_mutex;
  const auto run = [&] {
    for (;;) {
      const int64_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= n || failed.load(std::memory_order_relaxed)) return;
      try {
        body(i);
      } catch (...) {
        const std::scoped_lock lock(error_mutex);
        if (!first_error) first_error = std::current_exception();
        failed.store(true, std::memory_order_relaxed);
      }
    }
  };
  std::vector<std::thread> pool;
  pool.reserve(static_cast<size_t>(workers - 1));
  for (int64_t w = 1; w < workers; ++w) {
    try {
      require_thread_memory();
      pool.emplace_back([&run] {
        take_thread_memory();
        run();
      });
    } catch (const std::bad_alloc&) {
      break;
    } catch (const std::system_error&) {
      break;  // the machine has no thread left: the ones we have do the work
    }
  }
  run();
  for (auto& thread : pool) thread.join();
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace smctrain
