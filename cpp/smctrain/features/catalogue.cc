#include "smctrain/features/catalogue.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

namespace smctrain::features {
namespace {

std::vector<CatalogueEntry> computed_entries(const ComputedColumns& computed, int64_t base_length_ns,
                                             const std::vector<HigherSpec>& higher,
                                             const Settings& settings) {
  std::vector<CatalogueEntry> entries;
  for (const auto& plan : computed.base) {
    for (const auto& column : plan.columns)
      entries.push_back({column, in_default_preset(column), column.role == "feature"});
  }
  std::vector<HigherTimeframe> timeframes;
  for (size_t i = 0; i < higher.size(); ++i)
    timeframes.emplace_back(higher[i], base_length_ns, computed.higher[i], nullptr, settings);
  for (const auto& timeframe : timeframes) {
    // Where the zones lie reaches the default set through the two confluence counts; bars since the close are
    // clock.
    for (const auto& column : timeframe.columns()) {
      const bool is_zone = column.name.ends_with("_dist_atr");
      entries.push_back({column, !is_zone && !column.name.ends_with("_age")});
    }
  }
  for (const auto& column : alignment_columns(timeframes)) entries.push_back({column, true});
  return entries;
}

std::vector<ColumnInfo> columns_of(const std::vector<CatalogueEntry>& entries) {
  std::vector<ColumnInfo> columns;
  for (const auto& entry : entries) columns.push_back(entry.column);
  return columns;
}

// Everything that metadata depends on.
struct Question {
  int64_t base_length_ns = 0;
  std::vector<std::pair<std::string, int64_t>> higher;
  std::vector<std::pair<std::string, SettingValue>> settings;

  bool operator==(const Question&) const = default;
};

std::shared_ptr<const ComputedColumns> find_out(int64_t base_length_ns, const std::vector<HigherSpec>& higher,
                                                const Settings& settings) {
  ComputedColumns computed{plan_machines(base_machines(), settings, base_length_ns), {}, {}, {}, {}};
  for (const auto& spec : higher)
    computed.higher.push_back(plan_machines(higher_machines(), settings, spec.length_ns));
  computed.entries = computed_entries(computed, base_length_ns, higher, settings);
  computed.columns = columns_of(computed.entries);
  computed.index = ColumnIndex(computed.columns);
  return std::make_shared<const ComputedColumns>(std::move(computed));
}

}  // namespace

// Their start shows as long as that of the slowest one.
std::vector<ColumnInfo> alignment_columns(const std::vector<HigherTimeframe>& higher) {
  std::vector<ColumnInfo> columns;
  if (higher.empty()) return columns;
  const auto combined = [&](const std::string& suffix, const char* name, const char* unit,
                            const char* definition) {
    ColumnInfo column{name,      "higher", unit, "feature", kForever, 0, 0, "close of the slowest higher bar",
                      definition};
    for (const auto& timeframe : higher) {
      for (const auto& part : timeframe.columns()) {
        if (!part.name.ends_with(suffix)) continue;
        column.warmup = std::max(column.warmup, part.warmup);
        column.settle = column.settle == kForever || part.settle == kForever
                            ? kForever
                            : std::max(column.settle, part.settle);
      }
    }
    columns.push_back(std::move(column));
  };
  combined("_trend_bias_atr", "htf_align_trend", "flag",
           "+1 if the bias of the base and of every higher timeframe is > 1, -1 if all are < -1, else 0");
  if (higher.front().has_structure()) {
    combined("_ms_dir", "htf_align_struct", "count", "sum of ms_dir over the higher timeframes");
    const char* meaning =
        "higher timeframes with a bullish zone within 0.5 ATR of the base close, minus those with a bearish "
        "one";
    combined("_ob_bull_dist_atr", "htf_ob_conf", "count", meaning);
    combined("_fvg_bull_dist_atr", "htf_fvg_conf", "count", meaning);
  }
  return columns;
}

std::shared_ptr<const ComputedColumns> computed_columns(int64_t base_length_ns,
                                                        const std::vector<HigherSpec>& higher,
                                                        const Settings& settings) {
  struct Answered {
    Question question;
    std::shared_ptr<const ComputedColumns> answer;
  };
  constexpr size_t kKept = 16;
  static std::mutex mutex;
  static std::deque<Answered> answered;  // newest first
  Question question{base_length_ns, {}, changed_settings(settings)};
  for (const auto& spec : higher) question.higher.emplace_back(spec.timeframe, spec.length_ns);
  {
    const std::scoped_lock lock(mutex);
    for (const auto& old : answered) {
      if (old.question == question) return old.answer;
    }
  }
  auto answer = find_out(base_length_ns, higher, settings);
  const std::scoped_lock lock(mutex);
  answered.push_front({std::move(question), answer});
  if (answered.size() > kKept) answered.pop_back();
  return answer;
}

std::vector<CatalogueEntry> catalogue(int64_t base_length_ns, const std::vector<HigherSpec>& higher,
                                      const Settings& settings, const std::vector<AskedColumns>& asked) {
  const auto computed = computed_columns(base_length_ns, higher, settings);
  auto entries = computed->entries;
  auto preset = full_preset_derived();
  // Not every length of bar and every setting has all sources.
  std::erase_if(
      preset, [&](const std::string& name) { return !parse_column(name, computed->index).problem.empty(); });
  std::vector<AskedColumns> derived{{"preset", preset}};
  derived.insert(derived.end(), asked.begin(), asked.end());
  for (const auto& column : derived_columns(derived, computed->index)) {
    const bool is_preset = std::find(preset.begin(), preset.end(), column.name) != preset.end();
    entries.push_back({column, false, is_preset});
  }
  return entries;
}

}  // namespace smctrain::features
