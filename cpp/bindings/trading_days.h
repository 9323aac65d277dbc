// Trading days at the border: None (UTC), or (zone, roll in nanoseconds), where the zone is a name that the
// core knows or its table (changes, offsets).
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "smctrain/bars/buckets.h"

namespace smctrain::bindings {

namespace py = pybind11;

inline TradingDays trading_days(const py::object& days) {
  if (days.is_none()) return {};
  const auto [zone, roll] = py::cast<std::pair<py::object, int64_t>>(days);
  if (py::isinstance<py::str>(zone)) return {compiled_zone(py::cast<std::string>(zone)), roll};
  auto table = py::cast<std::pair<std::vector<int64_t>, std::vector<int64_t>>>(zone);
  return {std::make_shared<const Zone>(std::move(table.first), std::move(table.second)), roll};
}

}  // namespace smctrain::bindings
