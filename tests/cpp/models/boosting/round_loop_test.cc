// The round loop with an artificial library: rounds that wait on a latch, so that stops do not depend on the
// machine.
#include "smctrain/models/boosting/round_loop.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <latch>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/leavable.h"
#include "smctrain/models/boosting/matrix_cache.h"

using namespace smctrain;
using namespace smctrain::models::boosting;

namespace {

struct Script {
  int64_t blocked_round = 0;  // this round waits for `release`; 0: none
  bool blocks_at_start = false;
  double loss_at(int64_t round) const {
    return losses.empty() ? 1.0 / static_cast<double>(round) : losses[static_cast<size_t>(round - 1)];
  }
  std::vector<double> losses;
  std::latch inside{1};
  std::latch release{1};
  std::atomic<int> engines{0};
  std::atomic<int> judged{0};
};

// One leaf a round; its value is the number of the round.
class ScriptedEngine final : public RoundEngine {
 public:
  ScriptedEngine(std::shared_ptr<Script> script, FitJob& job) : script_(std::move(script)), job_(job) {
    if (script_->blocks_at_start) block();
  }

  bool update(int64_t round) override {
    if (round == script_->blocked_round) block();
    return true;
  }
  RoundScores scores(int64_t round, bool with_training) override {
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    script_->judged += with_training ? 1 : 0;
    const double loss = script_->loss_at(round);
    return {with_training ? loss : kNaN, loss, kNaN, kNaN, loss};
  }
  bool has_validation() const override { return !script_->losses.empty(); }
  TreeArrays read(int64_t first, int64_t last) override {
    TreeArrays trees;
    trees.n_features = 1;
    trees.n_classes = 2;
    trees.base_margin = {0.0};
    for (int64_t round = first + 1; round <= last; ++round) {
      trees.feature.push_back(-1);
      trees.left.push_back(-1);
      trees.right.push_back(-1);
      trees.threshold.push_back(0.0F);
      trees.default_left.push_back(0);
      trees.value.push_back(static_cast<double>(round));
      trees.gain.push_back(0.0F);
      trees.cover.push_back(1.0F);
      trees.tree_class.push_back(0);
      trees.tree_offset.push_back(static_cast<int64_t>(trees.feature.size()));
    }
    return trees;
  }

 private:
  void block() {
    job_.worker->foreign([&] {
      script_->inside.count_down();
      script_->release.wait();
    });
  }

  // Also counts an engine that never got beyond its constructor.
  struct Alive {
    explicit Alive(std::shared_ptr<Script> script) : script_(std::move(script)) { ++script_->engines; }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;
    ~Alive() { --script_->engines; }
    std::shared_ptr<Script> script_;
  };

  std::shared_ptr<Script> script_;
  FitJob& job_;
  Alive alive_{script_};
};

struct Given {
  std::vector<float> X{0, 1};
  RoundSettings settings;
  BoostingTask task;
  Given() {
    task.X = {X.data(), 2, 1, 1};
    task.slow_round_s = 0.0;  // every round counts as slow
    settings.n_estimators = 30;
    settings.early_stopping_rounds = 0;
  }
};

BoostingFit fit(const Given& given, const std::shared_ptr<Script>& script, uint8_t* flag) {
  return run_fit("The library", given.settings, given.task, StopToken(flag), {}, false,
                 [script](FitJob& job) { return std::make_unique<ScriptedEngine>(script, job); });
}

// Sets the flag once the library is inside its long call; at the end lets it go and waits for what was left.
BoostingFit stopped_fit(const Given& given, const std::shared_ptr<Script>& script) {
  uint8_t flag = 0;
  std::thread stopper([&] {
    script->inside.wait();
    std::atomic_ref<uint8_t>(flag).store(1);
  });
  BoostingFit result = fit(given, script, &flag);
  stopper.join();
  CHECK(background_work() == 1);
  CHECK(script->engines == 1);
  script->release.count_down();
  CHECK(wait_for_background(std::chrono::minutes(1)));
  CHECK(script->engines == 0);  // booster and matrices are freed by the thread that was left
  return result;
}

}  // namespace

TEST_CASE("round loop: a stop inside a slow round hands out the rounds before it") {
  auto script = std::make_shared<Script>();
  script->blocked_round = 4;
  const BoostingFit result = stopped_fit(Given(), script);
  CHECK(result.trees.arrays().value == std::vector<double>{1, 2, 3});
  CHECK(result.history.size() == 3);
  CHECK(result.best_round == 3);
  CHECK_FALSE(result.complete);
  CHECK(result.stop_reason == "cancelled");
  REQUIRE(result.notes.size() == 1);
  CHECK(result.notes[0].find("The library was at work on round 4;") != std::string::npos);
}

TEST_CASE("round loop: of the rounds before a stop the best one is kept") {
  auto script = std::make_shared<Script>();
  script->blocked_round = 6;
  script->losses = {0.9, 0.5, 0.7, 0.8, 0.9, 0.1};
  Given given;
  given.settings.early_stopping_rounds = 20;
  const BoostingFit result = stopped_fit(given, script);
  CHECK(result.trees.arrays().value == std::vector<double>{1, 2});
  CHECK(result.history.size() == 5);
}

TEST_CASE("round loop: a stop while matrices are made or in the first round leaves a model without trees") {
  auto script = std::make_shared<Script>();
  script->blocks_at_start = true;
  CHECK(stopped_fit(Given(), script).best_round == 0);
  script = std::make_shared<Script>();
  script->blocked_round = 1;
  const BoostingFit result = stopped_fit(Given(), script);
  CHECK(result.best_round == 0);
  CHECK(result.stop_reason == "cancelled");
}

TEST_CASE("round loop: rounds that were fast keep nothing and are waited for") {
  auto script = std::make_shared<Script>();
  script->blocked_round = 4;
  Given given;
  given.task.slow_round_s = 1e9;
  uint8_t flag = 0;
  std::thread stopper([&] {
    script->inside.wait();
    std::atomic_ref<uint8_t>(flag).store(1);
    std::this_thread::sleep_for(kGrace + std::chrono::milliseconds(50));
    script->release.count_down();
  });
  const BoostingFit result = fit(given, script, &flag);
  stopper.join();
  CHECK(result.best_round == 4);
  CHECK(result.notes.empty());
  CHECK(background_work() == 0);
}

TEST_CASE("round loop: keeping every round gives the model of keeping none") {
  for (const double slow : {0.0, 1e9}) {
    auto script = std::make_shared<Script>();
    script->losses = {0.9, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0};
    Given given;
    given.settings.early_stopping_rounds = 3;
    given.task.slow_round_s = slow;
    const BoostingFit result = fit(given, script, nullptr);
    CHECK(result.trees.arrays().value == std::vector<double>{1, 2});
    CHECK(result.history.size() == 5);
    CHECK(result.complete);
  }
}

TEST_CASE("round loop: training rows are judged in 10 rounds then in every tenth and the last") {
  auto script = std::make_shared<Script>();
  Given given;
  given.settings.n_estimators = 34;
  const BoostingFit result = fit(given, script, nullptr);
  CHECK(script->judged == 13);
  for (const auto& record : result.history) {
    const bool judged = record.step <= 10 || record.step % 10 == 0 || record.step == 34;
    CHECK(std::isnan(record.train_loss) != judged);
  }
  script = std::make_shared<Script>();
  script->losses.assign(34, 0.5);
  given.settings.early_stopping_rounds = 13;
  const BoostingFit early = fit(given, script, nullptr);
  REQUIRE(early.history.size() == 14);
  CHECK(early.history.back().train_loss == 0.5);
}

TEST_CASE("round loop: an exception of the library arrives") {
  const Given given;
  CHECK_THROWS_AS(run_fit("The library", given.settings, given.task, StopToken(), {}, false,
                          [](FitJob&) -> std::unique_ptr<RoundEngine> { raise("NativeLibraryError", "no"); }),
                  Error);
}

TEST_CASE("round loop: fits side by side with stops at any moment free what they own") {
  std::vector<std::thread> fits;
  auto script = std::make_shared<Script>();
  script->release.count_down();
  for (int k = 0; k < 8; ++k) {
    fits.emplace_back([k, script] {
      Given given;
      given.settings.n_estimators = 200;
      uint8_t flag = 0;
      std::thread stopper([&flag, k] {
        std::this_thread::sleep_for(std::chrono::microseconds(300 * k));
        std::atomic_ref<uint8_t>(flag).store(1);
      });
      const BoostingFit result = fit(given, script, &flag);
      stopper.join();
      CHECK(result.trees.n_rounds() == result.best_round);
      CHECK(static_cast<int64_t>(result.history.size()) == result.best_round);
    });
  }
  for (auto& thread : fits) thread.join();
  CHECK(wait_for_background(std::chrono::minutes(1)));
  CHECK(script->engines == 0);
}

TEST_CASE("matrix cache: one of many builds and all read the same") {
  struct Counted final : TrainingMatrices {};
  const std::vector<float> X(4, 0.0F);
  MatrixCache cache({X.data(), 4, 1, 1});
  std::atomic<int> builds{0};
  std::vector<Matrices> got(8);
  std::vector<std::thread> threads;
  for (size_t k = 0; k < got.size(); ++k) {
    threads.emplace_back([&, k] {
      Sample train;
      train.y = {0.0F, 1.0F};
      train.weight = {1.0F, 1.0F};
      train.from = {0, 1};
      Sample valid;
      got[k] = cache.get("a", train, valid, StopToken(), [&](Sample t, Sample v) {
        ++builds;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        auto made = std::make_shared<Counted>();
        made->train = std::move(t);
        made->valid = std::move(v);
        return made;
      });
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(builds == 1);
  for (const Matrices& one : got) CHECK(one == got[0]);
  CHECK(got[0]->train.from == std::vector<int64_t>{0, 1});
  CHECK(cache.size() == 1);
  cache.clear();
  CHECK(cache.size() == 0);
}

TEST_CASE("matrix cache: a failed build is forgotten and waiting ends at a stop") {
  struct Counted final : TrainingMatrices {};
  const std::vector<float> X(4, 0.0F);
  MatrixCache cache({X.data(), 4, 1, 1});
  Sample train;
  train.y = {0.0F};
  train.weight = {1.0F};
  train.from = {0};
  Sample valid;
  CHECK_THROWS_AS(cache.get("a", train, valid, StopToken(),
                            [](Sample, Sample) -> Matrices { raise("NativeLibraryError", "no"); }),
                  Error);
  CHECK(cache.size() == 0);
  std::latch building(1);
  std::latch release(1);
  std::thread builder([&] {
    Sample t;
    t.y = {0.0F};
    t.weight = {1.0F};
    t.from = {0};
    Sample v;
    cache.get("a", t, v, StopToken(), [&](Sample a, Sample b) {
      building.count_down();
      release.wait();
      auto made = std::make_shared<Counted>();
      made->train = std::move(a);
      made->valid = std::move(b);
      return made;
    });
  });
  building.wait();
  uint8_t flag = 1;
  Sample again;
  again.y = {0.0F};
  again.weight = {1.0F};
  again.from = {0};
  CHECK_THROWS_AS(
      cache.get("a", again, valid, StopToken(&flag), [](Sample, Sample) -> Matrices { return {}; }), Stopped);
  release.count_down();
  builder.join();
  CHECK(cache.size() == 1);
  const std::vector<float> Y(4, 0.0F);
  CHECK_THROWS_AS(cache.check({Y.data(), 4, 1, 1}), Error);
}
