// The rows of the table of settings: how each is checked, read and written.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "smctrain/features/settings.h"

namespace smctrain::features {

struct SettingRow {
  std::string key;
  std::string argument;
  std::string allowed;
  std::string meaning;
  // The value in its one form; nothing if it is not allowed.
  std::function<std::optional<SettingValue>(const SettingValue&)> accept;
  std::function<SettingValue(const Settings&)> read;
  std::function<void(Settings&, const SettingValue&)> write;
};

const std::vector<SettingRow>& setting_rows();

// "HH:MM" from 00:00 to 24:00 in nanoseconds; nothing for anything else.
std::optional<int64_t> clock_time(const std::string& text);

}  // namespace smctrain::features
