#include "smctrain/features/derived/name.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "smctrain/base/error.h"

namespace smctrain::features {
namespace {

constexpr int kMostOperations = 2;
constexpr int kMostBars = 100'000;
constexpr std::string_view kProductSign = "__x__";

struct Word {
  const char* text;
  Operation operation;
  int least;  // smallest number
  int most;
};
constexpr std::array<Word, 14> kWords{{{"lag", Operation::kLag, 1, kMostBars},
                                       {"mean", Operation::kMean, 2, kMostBars},
                                       {"sd", Operation::kSd, 2, kMostBars},
                                       {"min", Operation::kMin, 2, kMostBars},
                                       {"max", Operation::kMax, 2, kMostBars},
                                       {"med", Operation::kMedian, 2, kMostBars},
                                       {"q10", Operation::kQ10, 2, kMostBars},
                                       {"q90", Operation::kQ90, 2, kMostBars},
                                       {"skew", Operation::kSkew, 3, kMostBars},
                                       {"rank", Operation::kRank, 2, kMostBars},
                                       {"slope", Operation::kSlope, 2, kMostBars},
                                       {"z", Operation::kZ, 2, kMostBars},
                                       {"ratio", Operation::kRatio, 2, kMostBars},
                                       {"fd", Operation::kFractional, 1, 100}}};

constexpr const char* kStatistics = "mean, sd, min, max, med, q10, q90, skew, rank, slope, z, ratio, acf<l>";

std::optional<int> digits(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = 10 * number + (c - '0');
  }
  return number;
}

size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

// A reading of a name: what it means, or why it means nothing.
struct Reading {
  Expression expression;
  std::string problem;
  bool is_missing = false;
  std::string missing = {};  // then the part that is neither a column nor derived

  bool failed() const { return is_missing || !problem.empty(); }
};

Reading wrong(std::string problem) { return {{}, std::move(problem)}; }
Reading unknown(const std::string& name) { return {{}, "", true, name}; }

class Parser {
 public:
  explicit Parser(const ColumnIndex& known) : known_(known) {}

  // `depth`: operations that may still be applied.
  Reading parse(const std::string& name, int depth) const {
    if (known_.find(name) != nullptr) return {{name, Operation::kColumn, 0, 0, {}}, ""};
    const size_t sign = name.find(kProductSign);
    if (sign != std::string::npos) return parse_product(name, sign, depth);
    if (name.ends_with("_sq"))
      return apply(name, name.size() - 3, {"sq", Operation::kSquare, 0, 0}, 0, 0, depth);
    const size_t last = name.rfind('_');
    if (last == std::string::npos || last == 0) return unknown(name);
    const std::string tail = name.substr(last + 1);
    const auto number = digits(tail);
    if (!number) return without_number(name, last, tail);
    const size_t before = name.rfind('_', last - 1);
    if (before == std::string::npos || before == 0) return unknown(name);
    const std::string word = name.substr(before + 1, last - before - 1);
    const auto found = find_word(word);
    if (!found) {
      const std::string source = name.substr(0, before);
      if (known_.find(source) == nullptr) return unknown(name);
      return wrong(format(": '", word, "' is no operation. Known: lag, fd, sq and ", kStatistics, "."));
    }
    if (tail != std::to_string(*number))
      return wrong(format(": write '", name.substr(0, last + 1), *number, "'."));
    return apply(name, before, found->first, *number, found->second, depth);
  }

 private:
  // A word and the l of acf<l>.
  static std::optional<std::pair<Word, int>> find_word(const std::string& text) {
    for (const auto& word : kWords) {
      if (text == word.text) return std::pair{word, 0};
    }
    if (text.starts_with("acf")) {
      const auto shift = digits(std::string_view(text).substr(3));
      if (shift && *shift >= 1 && *shift <= kMostBars - 2 && text == "acf" + std::to_string(*shift))
        return std::pair{Word{"acf", Operation::kAutocorrelation, *shift + 2, kMostBars}, *shift};
    }
    return std::nullopt;
  }

  Reading without_number(const std::string& name, size_t last, const std::string& tail) const {
    if (known_.find(name.substr(0, last)) != nullptr) {
      if (tail == "acf")
        return wrong(": an autocorrelation needs its lag and a window, such as '" + name + "1_20'.");
      if (find_word(tail))
        return wrong(": '" + tail + "' needs a number behind it, such as '" + name + "_20'.");
    }
    return unknown(name);
  }

  Reading parse_product(const std::string& name, size_t sign, int depth) const {
    const std::string left = name.substr(0, sign);
    const std::string right = name.substr(sign + kProductSign.size());
    if (right.find(kProductSign) != std::string::npos) return wrong(": a product has two columns, not more.");
    if (depth == 0) return too_deep();
    const Reading a = parse(left, depth - 1);
    if (a.failed()) return a;
    const Reading b = parse(right, depth - 1);
    if (b.failed()) return b;
    if (left == right)
      return wrong(": the product of a column with itself is its square: write '" + left + "_sq'.");
    if (right < left) {
      return wrong(": a product names its columns in alphabetical order: write '" + right +
                   std::string(kProductSign) + left + "'.");
    }
    return {{name, Operation::kProduct, 0, 0, {a.expression, b.expression}}, ""};
  }

  Reading apply(const std::string& name, size_t end, const Word& word, int width, int shift,
                int depth) const {
    const std::string source = name.substr(0, end);
    if (depth == 0) return too_deep();
    const Reading part = parse(source, depth - 1);
    if (part.failed()) return part;
    if (width < word.least || width > word.most) {
      const char* what = word.operation == Operation::kLag          ? "lag takes a number of bars"
                         : word.operation == Operation::kFractional ? "fd takes the order in hundredths"
                                                                    : "";
      return wrong(
          *what != '\0'
              ? format(": ", what, " from ", word.least, " to ", word.most, ", not ", width, ".")
              : format(": ", word.text,
                       word.operation == Operation::kAutocorrelation ? std::to_string(shift) : std::string(),
                       " takes a window from ", word.least, " to ", word.most, ", not ", width, "."));
    }
    if (word.operation == Operation::kLag && part.expression.operation == Operation::kLag) {
      const int64_t bars = int64_t{width} + part.expression.width;
      return wrong(
          format(": a lag of a lag is one lag: write '", part.expression.parts[0].name, "_lag_", bars, "'."));
    }
    return {{name, word.operation, width, shift, {part.expression}}, ""};
  }

  static Reading too_deep() {
    return wrong(format(": at most ", kMostOperations, " operations can be applied one after the other."));
  }

  const ColumnIndex& known_;
};

}  // namespace

ColumnIndex::ColumnIndex(const std::vector<ColumnInfo>& columns) {
  for (const auto& column : columns) {
    if (by_name_.emplace(column.name, &column).second) columns_.push_back(&column);
  }
}

const ColumnInfo* ColumnIndex::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::string ColumnIndex::nearest(const std::string& name) const {
  std::string best;
  size_t least = 0;
  for (const auto* column : columns_) {
    const size_t longer = std::max(name.size(), column->name.size());
    const size_t apart = distance(name, column->name);
    if (apart * 5 <= longer * 2 && (best.empty() || apart < least)) {
      best = column->name;
      least = apart;
    }
  }
  return best;
}

Parsed parse_column(const std::string& name, const ColumnIndex& known) {
  if (name.size() > 300) return {{}, ", which is longer than any column's name."};
  const Reading reading = Parser(known).parse(name, kMostOperations);
  if (!reading.is_missing) return {reading.expression, reading.problem};
  std::string near = known.nearest(reading.missing);
  if (!near.empty()) {
    const size_t at = name.find(reading.missing);
    near = " Did you mean '" + name.substr(0, at) + near + name.substr(at + reading.missing.size()) + "'?";
  }
  if (reading.missing == name) return {{}, ", which does not exist for these timeframes." + near};
  return {{}, ": there is no column '" + reading.missing + "' for these timeframes." + near};
}

}  // namespace smctrain::features
