#include "smctrain/bars/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "smctrain/bars/timestamp.h"
#include "smctrain/base/error.h"

namespace smctrain {
namespace {

enum class Role : uint8_t {
  kIgnored,
  kDate,
  kTime,
  kOpen,
  kHigh,
  kLow,
  kClose,
  kVolume,
  kSpread,
  kSymbol,
  kTimeframe
};

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string_view trim(std::string_view cell) {
  const auto blank = [](char c) { return c == ' ' || c == '\r'; };
  while (!cell.empty() && blank(cell.front())) cell.remove_prefix(1);
  while (!cell.empty() && blank(cell.back())) cell.remove_suffix(1);
  if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
  return cell;
}

std::string lower_name(std::string_view cell) {
  cell = trim(cell);
  if (cell.size() >= 2 && cell.front() == '<' && cell.back() == '>') cell = cell.substr(1, cell.size() - 2);
  std::string name(cell);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ') c = '_';
  }
  return name;
}

std::vector<std::string_view> split(std::string_view line, char separator) {
  std::vector<std::string_view> cells;
  while (true) {
    const size_t at = line.find(separator);
    cells.push_back(trim(line.substr(0, at)));
    if (at == std::string_view::npos) return cells;
    line.remove_prefix(at + 1);
  }
}

char find_separator(std::string_view header) {
  char best = ',';
  int64_t most = -1;
  for (const char candidate : {',', ';', '\t'}) {
    const int64_t count = std::count(header.begin(), header.end(), candidate);
    if (count > most) {
      most = count;
      best = candidate;
    }
  }
  return best;
}

struct Header {
  char separator = ',';
  std::vector<Role> roles;
  std::vector<std::string> names;
  bool split_time = false;  // day and time of day in two columns

  std::string name_of(Role role) const {
    for (size_t i = 0; i < roles.size(); ++i) {
      if (roles[i] == role) return names[i];
    }
    return "time";
  }
  bool has(Role role) const { return std::find(roles.begin(), roles.end(), role) != roles.end(); }
};

// Names for a message: short, and plain ASCII whatever the file holds.
std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ", ";
    text += name.size() > 40 ? name.substr(0, 40) + "..." : name;
    if (text.size() > 200) {
      text += ", ...";
      break;
    }
  }
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

Header read_header(std::string_view line, const std::string& file) {
  Header header;
  header.separator = find_separator(line);
  for (const std::string_view cell : split(line, header.separator)) header.names.push_back(lower_name(cell));
  header.roles.assign(header.names.size(), Role::kIgnored);

  const auto find = [&](std::string_view name) -> std::optional<size_t> {
    std::optional<size_t> found;
    for (size_t i = 0; i < header.names.size(); ++i) {
      if (header.names[i] != name) continue;
      if (found) raise("BarError", file, ", row 1: two columns are called ", name, ". Rename or remove one.");
      found = i;
    }
    return found;
  };
  const auto assign = [&](Role role, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      if (const auto at = find(name)) {
        header.roles[*at] = role;
        return true;
      }
    }
    return false;
  };

  if (!assign(Role::kTime, {"timestamp", "datetime", "open_time"})) {
    const bool date = find("date").has_value();
    const bool time = find("time").has_value();
    if (date && time) {
      header.split_time = true;
      assign(Role::kDate, {"date"});
    }
    assign(Role::kTime, {time ? "time" : "date"});
  }
  assign(Role::kOpen, {"open"});
  assign(Role::kHigh, {"high"});
  assign(Role::kLow, {"low"});
  assign(Role::kClose, {"close"});
  assign(Role::kVolume, {"volume", "tick_volume", "tickvol", "vol", "real_volume"});
  assign(Role::kSpread, {"spread"});
  assign(Role::kSymbol, {"symbol"});
  assign(Role::kTimeframe, {"timeframe"});

  std::vector<std::string> missing;
  constexpr std::array<std::pair<Role, const char*>, 5> kNeeded = {{{Role::kTime, "time"},
                                                                    {Role::kOpen, "open"},
                                                                    {Role::kHigh, "high"},
                                                                    {Role::kLow, "low"},
                                                                    {Role::kClose, "close"}}};
  for (const auto& [role, name] : kNeeded) {
    if (!header.has(role)) missing.emplace_back(name);
  }
  if (!missing.empty()) {
    raise("BarError", file,
          ", row 1: the header must name the columns time, open, high, low, close, but has no ",
          joined(missing), " (found: ", joined(header.names), "). Add the header or rename the columns.");
  }
  return header;
}

bool missing_word(std::string_view cell) {
  if (cell.empty()) return true;
  if (cell.size() > 4) return false;
  const std::string word = lower_name(cell);
  return word == "na" || word == "nan" || word == "null" || word == "none" || word == "n/a" || word == "-nan";
}

std::optional<double> parse_number(std::string_view cell) {
  const char* first = cell.data();
  const char* last = first + cell.size();
  if (cell.size() > 1 && *first == '+' && cell[1] != '-') ++first;
  double value = 0.0;
  const auto [end, error] = std::from_chars(first, last, value);
  if (error == std::errc() && end == last && first != last) return value;
  if (missing_word(cell)) return kNaN;
  return std::nullopt;
}

// Index of a name in a short list, appended when new. Files hold few names in long runs, so the last one is
// tried first.
int32_t index_of(std::string_view name, std::vector<std::string>* names, int32_t last) {
  if (last >= 0 && (*names)[static_cast<size_t>(last)] == name) return last;
  const auto at = std::find(names->begin(), names->end(), name);
  if (at != names->end()) return static_cast<int32_t>(at - names->begin());
  names->emplace_back(name);
  return static_cast<int32_t>(names->size()) - 1;
}

class Parser {
 public:
  Parser(Header header, CsvBars* out) : header_(std::move(header)), out_(out) {
    has_volume_ = header_.has(Role::kVolume);
    has_spread_ = header_.has(Role::kSpread);
    has_symbol_ = header_.has(Role::kSymbol);
    has_timeframe_ = header_.has(Role::kTimeframe);
  }

  void reserve(size_t rows) {
    out_->time.reserve(rows);
    out_->row.reserve(rows);
    for (auto* column : {&out_->open, &out_->high, &out_->low, &out_->close}) column->reserve(rows);
    if (has_volume_) out_->volume.reserve(rows);
    if (has_spread_) out_->spread.reserve(rows);
  }

  void line(std::string_view text, int64_t row) {
    row_ = row;
    good_ = true;
    date_ = {};
    clock_ = {};
    size_t column = 0;
    const size_t n_columns = header_.roles.size();
    std::string_view rest = text;
    while (true) {
      const size_t at = rest.find(header_.separator);
      if (column < n_columns) cell(column, trim(rest.substr(0, at)));
      ++column;
      if (at == std::string_view::npos) break;
      rest.remove_prefix(at + 1);
    }
    if (column != n_columns && !(column == n_columns + 1 && trim(rest).empty())) {
      if (good_) fault("", format(n_columns, " cells"), format(column, " cells"));
      return;
    }
    if (good_) keep();
  }

 private:
  void fault(std::string column, std::string expected, std::string_view text) {
    good_ = false;
    if (out_->n_faults++ < CsvBars::kMaxFaults) {
      out_->faults.push_back({row_, std::move(column), std::move(expected), std::string(text.substr(0, 60))});
    }
  }

  void cell(size_t column, std::string_view text) {
    const Role role = header_.roles[column];
    switch (role) {
      case Role::kIgnored:
        return;
      case Role::kDate:
        date_ = text;
        return;
      case Role::kTime:
        clock_ = text;
        return;
      case Role::kSymbol:
        symbol_ = text;
        return;
      case Role::kTimeframe:
        timeframe_ = text;
        return;
      default:
        break;
    }
    const auto value = parse_number(text);
    if (!value) return fault(header_.names[column], "a number", text);
    number_[static_cast<size_t>(role)] = *value;
  }

  void keep() {
    const auto time = header_.split_time ? parse_time(date_, clock_) : parse_time(clock_);
    if (!time) {
      return fault(header_.name_of(header_.split_time ? Role::kDate : Role::kTime),
                   "a time such as 2024-03-01 09:30",
                   header_.split_time ? std::string(date_) + " " + std::string(clock_) : std::string(clock_));
    }
    if (has_symbol_) {
      if (symbol_.empty()) return fault("symbol", "a name", symbol_);
      last_symbol_ = index_of(symbol_, &out_->symbols, last_symbol_);
      out_->symbol.push_back(last_symbol_);
    }
    if (has_timeframe_) {
      last_timeframe_ = index_of(timeframe_, &out_->timeframes, last_timeframe_);
      out_->timeframe.push_back(last_timeframe_);
    }
    const auto number = [&](Role role) { return number_[static_cast<size_t>(role)]; };
    out_->time.push_back(time->ns);
    ++(time->aware ? out_->n_aware : out_->n_naive);
    if (out_->n_aware > 0 && out_->n_naive > 0) {
      fault(header_.name_of(Role::kTime), "times with a zone in every row or in none",
            header_.split_time ? std::string(date_) + " " + std::string(clock_) : std::string(clock_));
    }
    out_->open.push_back(number(Role::kOpen));
    out_->high.push_back(number(Role::kHigh));
    out_->low.push_back(number(Role::kLow));
    out_->close.push_back(number(Role::kClose));
    if (has_volume_) out_->volume.push_back(number(Role::kVolume));
    if (has_spread_) out_->spread.push_back(number(Role::kSpread));
    out_->row.push_back(row_);
  }

  Header header_;
  CsvBars* out_;
  bool has_volume_ = false;
  bool has_spread_ = false;
  bool has_symbol_ = false;
  bool has_timeframe_ = false;
  int64_t row_ = 0;
  bool good_ = true;
  std::string_view date_;
  std::string_view clock_;
  std::string_view symbol_;
  std::string_view timeframe_;
  int32_t last_symbol_ = -1;
  int32_t last_timeframe_ = -1;
  std::array<double, 16> number_{};
};

bool blank(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c == ' ' || c == '\r' || c == '\t'; });
}

// Calls visit(line, number) for every line, the last one with or without a line feed.
template <class Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  int64_t number = 0;
  while (!text.empty()) {
    const auto* end = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
    const size_t length = end == nullptr ? text.size() : static_cast<size_t>(end - text.data());
    visit(text.substr(0, length), ++number);
    text.remove_prefix(end == nullptr ? length : length + 1);
  }
}

}  // namespace

CsvBars parse_bar_csv(std::string_view text, const std::string& name) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CsvBars out;
  std::optional<Parser> parser;
  for_each_line(text, [&](std::string_view line, int64_t number) {
    if (blank(line)) return;
    if (!parser) {
      parser.emplace(read_header(line, name), &out);
      parser->reserve(text.size() / std::max<size_t>(line.size(), 40) + 1);
      return;
    }
    parser->line(line, number);
  });
  if (!parser) raise("BarError", name, " is empty: expected a header line and bars. Export the file again.");
  return out;
}

CsvBars parse_time_lines(std::string_view text) {
  CsvBars out;
  for_each_line(text, [&](std::string_view line, int64_t number) {
    const auto time = parse_time(trim(line));
    if (time) ++(time->aware ? out.n_aware : out.n_naive);
    if (!time || (out.n_aware > 0 && out.n_naive > 0)) {
      if (out.n_faults++ < CsvBars::kMaxFaults) {
        out.faults.push_back(
            {number, "time",
             time ? "times with a zone in every row or in none" : "a time such as 2024-03-01 09:30",
             std::string(line.substr(0, 60))});
      }
    }
    out.time.push_back(time ? time->ns : 0);
  });
  return out;
}

}  // namespace smctrain
