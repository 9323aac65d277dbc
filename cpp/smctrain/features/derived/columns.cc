#include "smctrain/features/derived/columns.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/features/derived/kernels.h"

namespace smctrain::features {
namespace {

// A name as a message shows it; characters of several bytes stay whole.
std::string shortened(const std::string& name) {
  size_t size = 100;
  if (name.size() <= size) return name;
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0U) == 0x80U) --size;
  return name.substr(0, size) + "...";
}

// Reads every name; raises InputError with all that cannot be read.
std::vector<Expression> parse_all(const std::vector<AskedColumns>& asked, const ColumnIndex& known) {
  std::vector<Expression> expressions;
  std::vector<std::string> problems;
  for (const auto& [parameter, names] : asked) {
    for (const auto& name : names) {
      Parsed parsed = parse_column(name, known);
      if (!parsed.problem.empty()) {
        problems.push_back(parameter + " holds '" + shortened(name) + "'" + parsed.problem);
      }
      expressions.push_back(std::move(parsed.expression));
    }
  }
  if (problems.size() == 1) raise("InputError", problems[0]);
  if (!problems.empty()) {
    std::string text = format(problems.size(), " columns cannot be built:");
    constexpr size_t kShown = 20;
    for (size_t i = 0; i < problems.size() && i < kShown; ++i) text += "\n- " + problems[i];
    if (problems.size() > kShown) text += format("\n- and ", problems.size() - kShown, " more");
    raise("InputError", text);
  }
  return expressions;
}

bool is_category(const std::string& unit) { return unit == "flag" || unit == "sign" || unit == "code"; }

// Whether the result is a plain number whatever the scale of its source, so that it may reach a model.
bool is_free_of_scale(Operation operation) {
  return operation == Operation::kZ || operation == Operation::kRank || operation == Operation::kRatio ||
         operation == Operation::kSkew || operation == Operation::kAutocorrelation;
}

std::string unit_of(const Expression& expression, const std::string& unit) {
  switch (expression.operation) {
    case Operation::kZ:
      return "z";
    case Operation::kRank:
      return "rank";
    case Operation::kRatio:
    case Operation::kSkew:
      return "ratio";
    case Operation::kAutocorrelation:
      return "correlation";
    case Operation::kSlope:
      return (is_category(unit) ? "ratio" : unit) + "/bar";
    case Operation::kSquare:
      return unit == "ratio" ? unit : unit + "^2";
    case Operation::kLag:
    case Operation::kMin:
    case Operation::kMax:
      return unit;
    default:
      return is_category(unit) ? "ratio" : unit;
  }
}

std::string definition_of(const Expression& expression) {
  const std::string& source = expression.parts[0].name;
  const std::string window = " over the last " + std::to_string(expression.width) + " bars";
  const std::string last = " of the last " + std::to_string(expression.width) + " bars";
  switch (expression.operation) {
    case Operation::kLag:
      return source + " of " + std::to_string(expression.width) +
             (expression.width == 1 ? " bar ago" : " bars ago");
    case Operation::kMean:
      return "mean of " + source + window;
    case Operation::kSd:
      return "standard deviation (n - 1) of " + source + window;
    case Operation::kMin:
      return "smallest " + source + last;
    case Operation::kMax:
      return "largest " + source + last;
    case Operation::kMedian:
      return "median of " + source + window;
    case Operation::kQ10:
      return "10 % quantile of " + source + window;
    case Operation::kQ90:
      return "90 % quantile of " + source + window;
    case Operation::kSkew:
      return "adjusted skewness of " + source + window;
    case Operation::kRank:
      return "share of the other values of " + source + last + " below the newest one, ties counting half";
    case Operation::kSlope:
      return "least-squares slope per bar of " + source + window;
    case Operation::kZ:
      return "(" + source + " - mean) / standard deviation, both" + window;
    case Operation::kRatio:
      return source + " / its mean" + last;
    case Operation::kAutocorrelation:
      return "autocorrelation of " + source + " at lag " + std::to_string(expression.shift) + window;
    case Operation::kSquare:
      return source + " squared";
    case Operation::kFractional:
      return "fractional difference of order " + format(expression.width / 100.0) + " of " + source + ", " +
             std::to_string(rows_before(expression) + 1) + " bars";
    default:
      return source + " * " + expression.parts[1].name;
  }
}

ColumnInfo describe(const Expression& expression, const ColumnIndex& known) {
  if (expression.operation == Operation::kColumn) return *known.find(expression.name);
  ColumnInfo column = describe(expression.parts[0], known);
  if (expression.operation == Operation::kProduct) {
    const ColumnInfo other = describe(expression.parts[1], known);
    column.lookback = column.lookback == kForever || other.lookback == kForever
                          ? kForever
                          : std::max(column.lookback, other.lookback);
    column.warmup = std::max(column.warmup, other.warmup);
    if (column.unit == "ratio") {
      column.unit = other.unit;
    } else if (other.unit != "ratio") {
      column.unit += "*" + other.unit;
    }
    if (other.role == "level") column.role = "level";
    if (other.known_at != column.known_at) column.known_at += "; " + other.known_at;
  } else {
    const int64_t rows = rows_before(expression);
    if (column.lookback != kForever && rows > 0)
      column.lookback = std::max<int64_t>(column.lookback, 1) + rows;
    column.warmup += rows;
    column.unit = unit_of(expression, column.unit);
    if (is_free_of_scale(expression.operation) || expression.operation == Operation::kFractional)
      column.role = "feature";
  }
  column.name = expression.name;
  column.family = "derived";
  column.definition = definition_of(expression);
  return column;
}

bool is_statistic(Operation operation) {
  return operation != Operation::kColumn && operation != Operation::kLag && operation != Operation::kSquare &&
         operation != Operation::kProduct;
}

void collect_reads(const Expression& expression, int64_t rows, int settles, std::vector<Read>& reads) {
  if (expression.operation == Operation::kColumn) reads.push_back({expression.name, rows, settles});
  if (is_statistic(expression.operation)) settles = 2;
  for (const auto& part : expression.parts)
    collect_reads(part, rows + rows_before(expression), settles, reads);
}

// The description of a derived column, its sources and when they have settled.
ColumnInfo derived_column(const Expression& expression, const ColumnIndex& known) {
  ColumnInfo column = describe(expression, known);
  std::vector<Read> reads;
  collect_reads(expression, 0, 1, reads);
  column.sources.clear();
  int64_t settled = column.warmup;
  bool settles = true;
  for (const auto& read : reads) {
    const ColumnInfo& source = *known.find(read.column);
    if (std::find(column.sources.begin(), column.sources.end(), read.column) == column.sources.end())
      column.sources.push_back(read.column);
    settles = settles && source.settle != kForever;
    settled = std::max(settled, source.warmup + read.settles * source.settle + read.rows);
  }
  column.settle = settles ? settled - column.warmup : kForever;
  return column;
}

size_t place_in(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

}  // namespace

std::vector<ColumnInfo> derived_columns(const std::vector<AskedColumns>& asked, const ColumnIndex& known) {
  std::vector<ColumnInfo> columns;
  for (const auto& expression : parse_all(asked, known)) {
    const bool is_told = std::any_of(columns.begin(), columns.end(), [&](const ColumnInfo& column) {
      return column.name == expression.name;
    });
    if (expression.operation != Operation::kColumn && !is_told)
      columns.push_back(derived_column(expression, known));
  }
  return columns;
}

DerivedColumns::DerivedColumns(const std::vector<std::string>& wanted, const ColumnIndex& known,
                               int most_bars)
    : most_bars_(static_cast<size_t>(most_bars)) {
  const auto expressions = parse_all({{"columns", wanted}}, known);
  std::unordered_set<std::string_view> is_source;
  for (const auto& expression : expressions) {
    std::vector<Read> reads;
    collect_reads(expression, 0, 1, reads);
    for (const auto& read : reads) {
      if (is_source.insert(known.find(read.column)->name).second) sources_.push_back(read.column);
      if (expression.operation != Operation::kColumn) place_in(used_, read.column);
    }
    if (expression.operation == Operation::kColumn) continue;
    columns_.push_back(derived_column(expression, known));
    reads_.push_back(std::move(reads));
  }
  slot_names_ = used_;
  values_.assign(used_.size(), nullptr);
  for (const auto& expression : expressions) {
    if (expression.operation != Operation::kColumn) shown_.push_back(slot_of(expression));
  }
}

DerivedColumns::~DerivedColumns() = default;
DerivedColumns::DerivedColumns(DerivedColumns&&) noexcept = default;
DerivedColumns& DerivedColumns::operator=(DerivedColumns&&) noexcept = default;

size_t DerivedColumns::slot_of(const Expression& expression) {
  const auto made = std::find(slot_names_.begin(), slot_names_.end(), expression.name);
  if (made != slot_names_.end()) return static_cast<size_t>(made - slot_names_.begin());
  const size_t first = slot_of(expression.parts[0]);
  const size_t second = expression.parts.size() > 1 ? slot_of(expression.parts[1]) : first;
  const std::string key = kernel_key(expression);
  auto step = std::find_if(steps_.begin(), steps_.end(), [&](const Step& other) {
    return other.key == key && other.first == first && other.second == second;
  });
  if (step == steps_.end()) {
    steps_.push_back({key, first, second, make_kernel(expression), {}});
    step = steps_.end() - 1;
  }
  slot_names_.push_back(expression.name);
  own_values_.emplace_back(column_stride(static_cast<int>(most_bars_)), kNaN);
  values_.push_back(own_values_.back().data());
  step->outputs.push_back({expression.operation, own_values_.back().data()});
  return slot_names_.size() - 1;
}

void DerivedColumns::bind(const std::vector<const double*>& used) {
  std::copy(used.begin(), used.end(), values_.begin());
}

void DerivedColumns::push_block(int n) {
  for (auto& step : steps_)
    step.kernel->push_block(values_[step.first], values_[step.second], n, step.outputs);
}

void DerivedColumns::reset() {
  for (auto& step : steps_) step.kernel->reset();
}

}  // namespace smctrain::features
