// Work that may be left: a library's call is played by a wait on a latch, so that nothing depends on the
// clock.
#include "smctrain/base/leavable.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace smctrain;

namespace {

constexpr std::chrono::milliseconds kAtOnce{0};
constexpr std::chrono::minutes kLong{1};

const auto kAlways = [] { return true; };

}  // namespace

TEST_CASE("leavable: work that ends is waited for and its exception arrives") {
  auto state = std::make_shared<Leavable>();
  int value = 0;
  CHECK(run_leavable(StopToken(), state, [&] { state->foreign([&] { value = 7; }); }, kAlways));
  CHECK(value == 7);
  CHECK_THROWS_AS(
      run_leavable(
          StopToken(), std::make_shared<Leavable>(), [] { throw std::runtime_error("x"); }, kAlways),
      std::runtime_error);
  auto other = std::make_shared<Leavable>();
  CHECK_THROWS_AS(run_leavable(
                      StopToken(), other,
                      [&] { other->foreign([] { throw std::logic_error("in the call"); }); }, kAlways),
                  std::logic_error);
}

TEST_CASE("leavable: a stop leaves a foreign call behind and its owner frees everything afterwards") {
  uint8_t flag = 0;
  auto state = std::make_shared<Leavable>();
  auto inside = std::make_shared<std::latch>(1);
  auto release = std::make_shared<std::latch>(1);
  auto owned = std::make_shared<int>(3);
  auto after = std::make_shared<std::atomic<bool>>(false);
  std::thread stopper([&flag, inside] {
    inside->wait();
    std::atomic_ref<uint8_t>(flag).store(1);
  });
  const bool came_back = run_leavable(
      StopToken(&flag), state,
      [state, inside, release, owned, after] {
        state->foreign([&] {
          inside->count_down();
          release->wait();
        });
        after->store(true);  // must never be reached: the worker was left
      },
      kAlways, kAtOnce);
  stopper.join();
  CHECK_FALSE(came_back);
  CHECK(background_work() == 1);
  CHECK(owned.use_count() > 1);
  CHECK_FALSE(wait_for_background(std::chrono::milliseconds(1)));
  release->count_down();
  CHECK(wait_for_background(kLong));
  CHECK(background_work() == 0);
  CHECK(owned.use_count() == 1);
  CHECK_FALSE(after->load());
}

TEST_CASE("leavable: work outside foreign calls is never left") {
  uint8_t flag = 1;
  auto state = std::make_shared<Leavable>();
  const StopToken stop(&flag);
  int seen = 0;
  CHECK(run_leavable(
      stop, state,
      [&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(40));
        seen = 1;
      },
      kAlways, kAtOnce));
  CHECK(seen == 1);
  // Nor where the caller is not ready for it.
  CHECK(run_leavable(
      stop, state,
      [&] { state->foreign([] { std::this_thread::sleep_for(std::chrono::milliseconds(40)); }); },
      [] { return false; }, kAtOnce));
}

TEST_CASE("leavable: a callback inside a foreign call is home and refused after leaving") {
  uint8_t flag = 0;
  auto state = std::make_shared<Leavable>();
  auto inside = std::make_shared<std::latch>(1);
  auto release = std::make_shared<std::latch>(1);
  auto calls = std::make_shared<std::atomic<int>>(0);
  auto refused = std::make_shared<std::atomic<int>>(0);
  std::thread stopper([&flag, inside] {
    inside->wait();
    std::atomic_ref<uint8_t>(flag).store(1);
  });
  CHECK_FALSE(run_leavable(
      StopToken(&flag), state,
      [=] {
        state->foreign([&] {
          if (!state->home([&] { ++*calls; })) ++*refused;
          inside->count_down();
          release->wait();
          if (!state->home([&] { ++*calls; })) ++*refused;
        });
      },
      kAlways, kAtOnce));
  stopper.join();
  release->count_down();
  CHECK(wait_for_background(kLong));
  CHECK(calls->load() == 1);
  CHECK(refused->load() == 1);
}

TEST_CASE("leavable: many waiters leave at the same time") {
  auto release = std::make_shared<std::latch>(1);
  std::vector<std::thread> waiters;
  std::atomic<int> left{0};
  for (int k = 0; k < 8; ++k) {
    waiters.emplace_back([&left, release] {
      uint8_t flag = 1;
      auto state = std::make_shared<Leavable>();
      if (!run_leavable(
              StopToken(&flag), state, [state, release] { state->foreign([&] { release->wait(); }); },
              kAlways, kAtOnce)) {
        ++left;
      }
    });
  }
  for (auto& waiter : waiters) waiter.join();
  CHECK(left == 8);
  CHECK(background_work() == 8);
  release->count_down();
  CHECK(wait_for_background(kLong));
}
