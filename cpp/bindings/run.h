// Long native calls: compute on another thread, wait here, stay responsive to Ctrl-C.
//
// run_native(stop, time_limit_s, work) releases the GIL, runs work(StopToken) on a fresh thread and waits.
// Every 50 ms it takes the GIL and lets Python handle signals; a KeyboardInterrupt sets the stop flag, waits
// for the work to come back, and is then raised. `stop` is None or a writable uint8 array of one element that
// others may set. The calling thread never computes, so the wait is bounded by how often the kernel polls its
// token.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/stop.h"
#include "smctrain/base/thread_memory.h"

namespace smctrain::bindings {

namespace py = pybind11;

inline uint8_t* stop_flag(const py::object& stop) {
  if (stop.is_none()) return nullptr;
  const auto array = py::cast<py::array>(stop);
  if (!array.dtype().equal(py::dtype::of<uint8_t>()) || array.size() != 1 || !array.writeable()) {
    raise("InputError", "stop must be a writable uint8 array of one element.");
  }
  return static_cast<uint8_t*>(const_cast<void*>(array.data()));
}

template <class Work>
auto run_native(const py::object& stop, double time_limit_s, Work&& work) {
  using Result = decltype(work(std::declval<const StopToken&>()));
  uint8_t local_flag = 0;
  uint8_t* flag = stop_flag(stop);
  if (flag == nullptr) flag = &local_flag;
  const StopToken token(flag, time_limit_s);

  std::optional<Result> result;
  std::exception_ptr error;
  std::mutex mutex;
  std::condition_variable finished;
  bool done = false;
  bool interrupted = false;
  {
    const py::gil_scoped_release release;
    require_thread_memory();
    std::thread worker;
    try {
      worker = std::thread([&] {
        take_thread_memory();
        try {
          result.emplace(work(token));
        } catch (...) {
          error = std::current_exception();
        }
        const std::scoped_lock lock(mutex);
        done = true;
        finished.notify_one();
      });
    } catch (const std::system_error&) {
      throw std::bad_alloc();  // no thread left on this machine: reported as MemoryError
    }
    std::unique_lock lock(mutex);
    while (!finished.wait_for(lock, std::chrono::milliseconds(50), [&] { return done; })) {
      lock.unlock();
      {
        const py::gil_scoped_acquire acquire;
        if (!interrupted && PyErr_CheckSignals() != 0) {
          interrupted = true;
          PyErr_Clear();  // raised again below, once the worker has come back
          std::atomic_ref<uint8_t>(*flag).store(static_cast<uint8_t>(StopReason::kInterrupted));
        }
      }
      lock.lock();
    }
    lock.unlock();
    worker.join();
  }
  if (interrupted) {
    PyErr_SetNone(PyExc_KeyboardInterrupt);
    throw py::error_already_set();
  }
  if (error) std::rethrow_exception(error);
  return std::move(*result);
}

}  // namespace smctrain::bindings
