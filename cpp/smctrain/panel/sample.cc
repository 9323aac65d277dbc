#include "smctrain/panel/sample.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"

namespace smctrain::panel {

namespace {

struct Unit {  // a stamp's rows [first, last) in the list of rows, or one row
  uint64_t key = 0;
  size_t first = 0, last = 0;
};

class Sampler {
 public:
  Sampler(std::span<const int64_t> time, std::span<const int32_t> symbol,
          std::span<const uint64_t> symbol_key, const SampleOptions& options)
      : time_(time), symbol_(symbol), symbol_key_(symbol_key), options_(options) {}

  uint64_t stamp_key(int64_t row) const { return draw(row, 0, "panel/stamp"); }
  uint64_t row_key(int64_t row) const {
    return draw(row, symbol_key_[static_cast<size_t>(symbol_[static_cast<size_t>(row)])], "panel/row");
  }

  // One unit per stamp.
  std::vector<Unit> stamps(const std::vector<int64_t>& rows) const {
    std::vector<Unit> units;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i == 0 || time_of(rows[i]) != time_of(rows[i - 1])) units.push_back({0, i, i});
      units.back().last = i + 1;
    }
    return units;
  }

  // The `most` rows of a unit with the smallest keys, in their order.
  void append_smallest(const std::vector<int64_t>& rows, const Unit& unit, size_t most,
                       std::vector<int64_t>& out) const {
    const size_t size = unit.last - unit.first;
    if (size <= most) {
      out.insert(out.end(), rows.begin() + static_cast<int64_t>(unit.first),
                 rows.begin() + static_cast<int64_t>(unit.last));
      return;
    }
    std::vector<std::pair<uint64_t, int64_t>> keyed;
    keyed.reserve(size);
    for (size_t i = unit.first; i < unit.last; ++i) keyed.emplace_back(row_key(rows[i]), rows[i]);
    std::nth_element(keyed.begin(), keyed.begin() + static_cast<int64_t>(most), keyed.end());
    const size_t before = out.size();
    for (size_t i = 0; i < most; ++i) out.push_back(keyed[i].second);
    std::sort(out.begin() + static_cast<int64_t>(before), out.end());
  }

  std::vector<Unit> units(const std::vector<int64_t>& rows) const {
    std::vector<Unit> all;
    if (options_.whole_stamps) {
      all = stamps(rows);
      for (auto& unit : all) unit.key = stamp_key(rows[unit.first]);
    } else {
      all.reserve(rows.size());
      for (size_t i = 0; i < rows.size(); ++i) all.push_back({row_key(rows[i]), i, i + 1});
    }
    return all;
  }

 private:
  int64_t time_of(int64_t row) const { return time_[static_cast<size_t>(row)]; }

  uint64_t draw(int64_t row, uint64_t symbol_key, std::string_view purpose) const {
    std::array<char, 16> bytes{};
    const auto stamp = static_cast<uint64_t>(time_of(row));
    for (size_t b = 0; b < 8; ++b) {
      bytes[b] = static_cast<char>(stamp >> (8 * b) & 0xff);
      bytes[8 + b] = static_cast<char>(symbol_key >> (8 * b) & 0xff);
    }
    return Philox(options_.seed, fnv1a64(purpose) ^ fnv1a64({bytes.data(), bytes.size()})).next();
  }

  std::span<const int64_t> time_;
  std::span<const int32_t> symbol_;
  std::span<const uint64_t> symbol_key_;
  const SampleOptions& options_;
};

void check(std::span<const int64_t> time, std::span<const int32_t> symbol,
           std::span<const uint64_t> symbol_key, std::span<const int64_t> rows,
           const SampleOptions& options) {
  if (symbol.size() != time.size()) raise("InputError", "internal: one symbol per row is needed.");
  for (const int32_t code : symbol) {
    if (code < 0 || static_cast<size_t>(code) >= symbol_key.size()) {
      raise("InputError", "internal: symbol ", code, " has no key.");
    }
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || static_cast<size_t>(rows[i]) >= time.size() || (i > 0 && rows[i] <= rows[i - 1])) {
      raise("InputError", "rows must be ascending rows of the panel, 0..",
            static_cast<int64_t>(time.size()) - 1, ", but entry ", i, " is ", rows[i], ".");
    }
  }
  if (!(options.share > 0.0 && options.share <= 1.0)) {
    raise("InputError", "share must be above 0 and at most 1, but is ", options.share, ".");
  }
}

std::vector<int64_t> rows_of(const std::vector<int64_t>& rows, std::vector<Unit> units) {
  std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) { return a.first < b.first; });
  std::vector<int64_t> out;
  for (const auto& unit : units) {
    out.insert(out.end(), rows.begin() + static_cast<int64_t>(unit.first),
               rows.begin() + static_cast<int64_t>(unit.last));
  }
  return out;
}

}  // namespace

std::vector<int64_t> sample(std::span<const int64_t> time, std::span<const int32_t> symbol,
                            std::span<const uint64_t> symbol_key, std::span<const int64_t> rows,
                            const SampleOptions& options) {
  check(time, symbol, symbol_key, rows, options);
  const Sampler sampler(time, symbol, symbol_key, options);
  std::vector<int64_t> kept(rows.begin(), rows.end());
  if (options.per_stamp > 0) {
    std::vector<int64_t> capped;
    for (const auto& stamp : sampler.stamps(kept)) {
      sampler.append_smallest(kept, stamp, static_cast<size_t>(options.per_stamp), capped);
    }
    kept = std::move(capped);
  }
  if (options.share < 1.0) {
    auto units = sampler.units(kept);
    std::erase_if(units, [&](const Unit& unit) {
      return !(static_cast<double>(unit.key >> 11) * 0x1.0p-53 < options.share);
    });
    kept = rows_of(kept, std::move(units));
  }
  if (options.max_rows == 0 || static_cast<int64_t>(kept.size()) <= options.max_rows) return kept;

  auto units = sampler.units(kept);
  if (options.newest) {
    // Units stand in time order, so the newest come from the back; rows of one stamp go by their keys.
    std::sort(units.begin(), units.end(), [&](const Unit& a, const Unit& b) {
      const auto at = [&](const Unit& unit) { return time[static_cast<size_t>(kept[unit.first])]; };
      return std::tuple(-at(a), a.key, a.first) < std::tuple(-at(b), b.key, b.first);
    });
  } else {
    std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) {
      return std::pair(a.key, a.first) < std::pair(b.key, b.first);
    });
  }
  int64_t total = 0;
  size_t taken = 0;
  for (; taken < units.size(); ++taken) {
    const auto size = static_cast<int64_t>(units[taken].last - units[taken].first);
    if (total + size > options.max_rows) break;
    total += size;
  }
  if (taken == 0) {
    raise("InputError", "max_rows must leave room for one stamp, but is ", options.max_rows,
          ", and the first has ", units[0].last - units[0].first, " rows. Give per_stamp, or by=\"row\".");
  }
  units.resize(taken);
  return rows_of(kept, std::move(units));
}

}  // namespace smctrain::panel
