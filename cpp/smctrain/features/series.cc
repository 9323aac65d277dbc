#include "smctrain/features/series.h"

#include <algorithm>

namespace smctrain::features {

Series::Series(std::vector<std::unique_ptr<Machine>> machines, const std::vector<std::string>& wanted,
               const Settings& settings)
    : atr_(settings.atr_is_sma) {
  for (auto& machine : machines) {
    const bool needed =
        std::any_of(machine->columns().begin(), machine->columns().end(), [&](const ColumnInfo& column) {
          return std::find(wanted.begin(), wanted.end(), column.name) != wanted.end();
        });
    if (!needed) continue;
    columns_.insert(columns_.end(), machine->columns().begin(), machine->columns().end());
    machines_.push_back(std::move(machine));
  }
  values_.assign(columns_.size(), kNaN);
}

int Series::find(const std::string& name) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

const Machine* Series::owner(const std::string& name) const {
  for (const auto& machine : machines_) {
    for (const auto& column : machine->columns()) {
      if (column.name == name) return machine.get();
    }
  }
  return nullptr;
}

void Series::push(const Bar& raw) {
  Bar bar = raw;
  if (!prices_are_finite(bar)) bar.open = bar.high = bar.low = bar.close = kNaN;
  atr_.push(bar, context_);
  context_.ema_first_50 = ema_.push(bar.close);
  context_.rsi_wilder_14 = rsi_.push(bar.close);
  double* out = values_.data();
  for (auto& machine : machines_) {
    machine->push(bar, context_, out);
    out += machine->columns().size();
  }
  ++context_.row;
}

void Series::reset() {
  context_ = Context{};
  atr_.reset();
  ema_.reset();
  rsi_.reset();
  for (auto& machine : machines_) machine->reset();
  std::fill(values_.begin(), values_.end(), kNaN);
}

}  // namespace smctrain::features
