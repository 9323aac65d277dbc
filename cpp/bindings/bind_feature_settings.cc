#include <pybind11/stl.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "bindings/feature_settings.h"
#include "smctrain/base/error.h"

namespace smctrain::bindings {
namespace {

using features::GivenSetting;
using features::SettingValue;
using features::Unreadable;

// Zones are read from the database for these years: a stream has no last bar.
constexpr int64_t kFirstMomentNs = -315'619'200'000'000'000;  // 1960-01-01
constexpr int64_t kLastMomentNs = 7'258'118'400'000'000'000;  // 2200-01-01

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool is_number(const py::handle& value) {
  return (PyFloat_Check(value.ptr()) || PyLong_Check(value.ptr())) && !PyBool_Check(value.ptr());
}

// Numbers, or sessions as four texts each (or one text of four words).
SettingValue sequence_from(const py::sequence& items) {
  std::vector<double> numbers;
  std::vector<std::vector<std::string>> rows;
  for (const py::handle item : items) {
    if (is_number(item)) {
      numbers.push_back(PyFloat_AsDouble(item.ptr()));
      if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    } else if (py::isinstance<py::str>(item)) {
      rows.push_back(words_of(py::cast<std::string>(item)));
    } else if (py::isinstance<py::list>(item) || py::isinstance<py::tuple>(item)) {
      std::vector<std::string> row;
      for (const py::handle word : py::reinterpret_borrow<py::sequence>(item)) {
        if (!py::isinstance<py::str>(word)) return Unreadable{};
        row.push_back(py::cast<std::string>(word));
      }
      rows.push_back(std::move(row));
    } else {
      return Unreadable{};
    }
  }
  if (!numbers.empty() && !rows.empty()) return Unreadable{};
  if (!rows.empty()) return rows;
  return numbers;
}

SettingValue value_from(py::object value) {
  if (value.is_none()) return std::monostate{};
  if (py::hasattr(value, "tolist")) value = value.attr("tolist")();  // a NumPy scalar or array
  if (PyBool_Check(value.ptr())) return value.ptr() == Py_True;
  if (PyLong_Check(value.ptr())) {
    int overflow = 0;
    const int64_t whole = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
    return overflow == 0 ? SettingValue(whole) : SettingValue(Unreadable{});
  }
  if (PyFloat_Check(value.ptr())) return PyFloat_AS_DOUBLE(value.ptr());
  if (py::isinstance<py::str>(value)) return py::cast<std::string>(value);
  if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value))
    return sequence_from(py::reinterpret_borrow<py::sequence>(value));
  return Unreadable{};
}

py::object to_python(const SettingValue& value) {
  return std::visit(
      [](const auto& held) -> py::object {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate> || std::is_same_v<T, Unreadable>) {
          return py::none();
        } else {
          return py::cast(held);
        }
      },
      value);
}

std::vector<GivenSetting> given_settings(const py::dict& given) {
  std::vector<GivenSetting> settings;
  for (const auto& [key, value] : given) {
    std::string shown = py::cast<std::string>(py::repr(value));
    if (shown.size() > 200) shown = shown.substr(0, 200) + " ...";
    settings.push_back({py::cast<std::string>(py::str(key)),
                        value_from(py::reinterpret_borrow<py::object>(value)), std::move(shown)});
  }
  return settings;
}

py::dict changed(const features::Settings& settings) {
  py::dict values;
  for (const auto& [key, value] : features::changed_settings(settings))
    values[key.c_str()] = to_python(value);
  return values;
}

}  // namespace

std::shared_ptr<const features::Zone> zone_of(const std::string& name) {
  try {
    return features::compiled_zone(name);
  } catch (const Error&) {
    // Not one of the core's own.
  }
  try {
    const py::object table =
        py::module_::import("smctrain.bars.zones").attr("offset_table")(name, kFirstMomentNs, kLastMomentNs);
    auto [changes, offsets] = py::cast<std::pair<std::vector<int64_t>, std::vector<int64_t>>>(table);
    return std::make_shared<const features::Zone>(std::move(changes), std::move(offsets));
  } catch (py::error_already_set& error) {
    if (!error.matches(py::module_::import("smctrain.exceptions").attr("InputError"))) throw;
    return nullptr;
  }
}

features::Settings settings_from(const py::dict& given, features::Naming naming) {
  return features::read_settings(given_settings(given), zone_of, naming);
}

void bind_feature_settings(py::module_& m) {
  m.def(
      "feature_settings", [](const py::dict& given) { return changed(settings_from(given)); },
      py::arg("given"),
      "The settings that differ from their default, in one form; raises InputError with all faults.");
  m.def(
      "feature_setting_problems",
      [](const py::dict& given) {
        std::vector<features::SettingProblem> problems;
        features::read_settings(given_settings(given), zone_of, problems);
        std::vector<std::pair<std::string, std::string>> pairs;
        for (auto& problem : problems) pairs.emplace_back(std::move(problem.key), std::move(problem.message));
        return pairs;
      },
      py::arg("given"), "Key and sentence of each fault.");
  m.def(
      "feature_settings_table",
      [] {
        py::list table;
        for (const auto& info : features::settings_table()) {
          py::dict row;
          row["key"] = info.key;
          row["argument"] = info.argument;
          row["allowed"] = info.allowed;
          row["default"] = to_python(info.value);
          row["meaning"] = info.meaning;
          table.append(row);
        }
        return table;
      },
      "One entry per setting: key, argument of the st.smc functions, what is allowed, default, meaning.");
}

}  // namespace smctrain::bindings
