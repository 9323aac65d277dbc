#include "smctrain/models/monitor.h"

#include <doctest/doctest.h>

#include <limits>

using smctrain::models::Monitor;
using smctrain::models::MonitorSettings;
using smctrain::models::StepRecord;

namespace {
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
StepRecord healthy(int64_t step) { return {step, 0.5, 0.6, 0.7, 0.65, 1.0, 0.01}; }
}  // namespace

TEST_CASE("Monitor.SevereOverfittingIsReportedOnceWithItsEpoch") {
  Monitor monitor{MonitorSettings{}};
  auto record = healthy(3);
  record.train_accuracy = 0.97;
  record.val_accuracy = 0.55;
  CHECK_FALSE(monitor.observe(record));
  record.step = 4;
  CHECK_FALSE(monitor.observe(record));
  REQUIRE(monitor.alarms().size() == 1);
  CHECK(monitor.alarms()[0].step == 3);
  CHECK(monitor.alarms()[0].message == "Epoch 3: severe overfitting (train=0.97, val=0.55)");
}

TEST_CASE("Monitor.TenRisesOfTheValidationLossStopTheFit") {
  Monitor monitor{MonitorSettings{}};
  auto record = healthy(1);
  CHECK_FALSE(monitor.observe(record));
  for (int64_t step = 2; step <= 10; ++step) {
    record.step = step;
    record.val_loss += 0.01;
    CHECK_FALSE(monitor.observe(record));
  }
  record.step = 11;
  record.val_loss += 0.01;
  CHECK(monitor.observe(record));
  CHECK(monitor.stop_reason() == "divergence");
}

TEST_CASE("Monitor.NanLossStopsAtOnce") {
  Monitor monitor{MonitorSettings{}};
  auto record = healthy(2);
  record.train_loss = kNaN;
  CHECK(monitor.observe(record));
  CHECK(monitor.stop_reason() == "nan_loss");
}

TEST_CASE("Monitor.MissingValidationIsNoAlarm") {
  Monitor monitor{MonitorSettings{}};
  auto record = healthy(1);
  record.val_loss = kNaN;
  record.val_accuracy = kNaN;
  for (int64_t step = 1; step < 30; ++step) {
    record.step = step;
    CHECK_FALSE(monitor.observe(record));
  }
  CHECK(monitor.alarms().empty());
}
