// The hand-made paths of tests/golden/labels/paths.txt, which the Python tests read as well.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "smctrain/labels/triple_barrier.h"

namespace {

using smctrain::BarsView;
using namespace smctrain::labels;  // NOLINT: the names of one header

using Words = std::map<std::string, std::string>;
constexpr int64_t kSecond = 1'000'000'000;

struct Bar {
  std::array<double, 4> prices{};
  Words marks;
  std::vector<Bar> finer;
};

struct Case {
  std::string name;
  Words settings, want;
  std::vector<Bar> bars;
};

Words read_words(std::istream& line) {
  Words words;
  for (std::string word; line >> word;) {
    const size_t at = word.find('=');
    words[word.substr(0, at)] = at == std::string::npos ? "1" : word.substr(at + 1);
  }
  return words;
}

Bar read_bar(std::istream& line) {
  Bar bar;
  std::string text;
  line >> text;
  std::istringstream prices(text);
  for (double& price : bar.prices) {
    std::getline(prices, text, '/');
    price = std::stod(text);
  }
  bar.marks = read_words(line);
  return bar;
}

std::vector<Case> read_paths() {
  std::ifstream file(std::string(SMCTRAIN_GOLDEN) + "/labels/paths.txt");
  std::vector<Case> cases;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string key;
    line >> key;
    if (key == "path") {
      cases.push_back({text.substr(5), {}, {}, {}});
    } else if (key == "with") {
      cases.back().settings = read_words(line);
    } else if (key == "want") {
      cases.back().want = read_words(line);
    } else if (key == "bar") {
      cases.back().bars.push_back(read_bar(line));
    } else if (key == "finer") {
      cases.back().bars.back().finer.push_back(read_bar(line));
    }
  }
  return cases;
}

double mark(const Bar& bar, const char* name) {
  const auto found = bar.marks.find(name);
  return found == bar.marks.end() ? 0.0 : std::stod(found->second);
}

// Bars as columns; `view` looks into them.
struct Columns {
  std::vector<int64_t> ts_open, ts_close;
  std::vector<double> open, high, low, close, spread;
  std::vector<int32_t> segment, session;
  std::vector<uint8_t> quarantine;
  bool has_spread = false;

  void add(const Bar& bar, int64_t at, int64_t seconds) {
    ts_open.push_back(at * kSecond);
    ts_close.push_back((at + seconds) * kSecond);
    open.push_back(bar.prices[0]);
    high.push_back(bar.prices[1]);
    low.push_back(bar.prices[2]);
    close.push_back(bar.prices[3]);
    spread.push_back(mark(bar, "spread"));
    has_spread = has_spread || bar.marks.contains("spread");
    segment.push_back(static_cast<int32_t>(mark(bar, "segment")));
    session.push_back(static_cast<int32_t>(mark(bar, "session")));
    quarantine.push_back(bar.marks.contains("quarantine") ? 1 : 0);
  }

  BarsView view() const {
    BarsView bars{ts_open, ts_close, open, high, low, close, {}, {}, segment};
    if (has_spread) bars.spread = spread;
    return bars;
  }
};

int index_of(const std::string& word, std::initializer_list<const char*> words) {
  int i = 0;
  for (const char* candidate : words) {
    if (word == candidate) return i;
    ++i;
  }
  FAIL("unknown word " << word);
  return -1;
}

// Numbers of a case that a call needs to live as long as it does.
struct Settings {
  explicit Settings(const Case& path) : words(path.settings), scale(path.bars.size(), number("scale", 0.0)) {
    side = {static_cast<int8_t>(number("side", 1.0))};
    options.entry =
        static_cast<Entry>(index_of(text("entry", "next_open"), {"next_open", "close", "retest"}));
    options.horizon = 3;
    options.wait = 2;
    options.target = number("target", 2.0);
    options.stop = number("stop", 1.0);
    options.rr = number("rr", 0.0);
    options.tie = static_cast<Tie>(index_of(text("tie", "stop"), {"stop", "target", "drop", "lower_tf"}));
    options.timeout =
        static_cast<Timeout>(index_of(text("timeout", "zero"), {"zero", "sign", "loss", "drop"}));
    options.timeout_band = number("band", 0.0);
    options.gap_target_at_open = text("gap_target", "level") == "open";
    options.bid_ask = text("quote", "bar") == "bid_ask";
    if (options.bid_ask || text("costs", "") == "spread") options.point = 0.01;
    if (text("costs", "spread") != "spread") options.fixed_cost = number("costs", 0.0);
    if (words.contains("scale")) options.scale = scale;
    if (words.contains("limit")) limit = {number("limit", 0.0)};
    if (words.contains("stop_price")) stop_price = {number("stop_price", 0.0)};
    if (words.contains("zone")) structural();
    options.limit = limit;
    options.stop_price = stop_price;
    if (words.contains("risk")) {
      std::istringstream risk(words.at("risk"));
      char slash = 0;
      risk >> options.min_risk >> slash >> options.max_risk;
    }
  }

  void structural() {
    std::istringstream zone(words.at("zone"));
    double bottom = 0.0;
    double top = 0.0;
    char slash = 0;
    zone >> bottom >> slash >> top;
    const double buffer = 0.1 * scale[0];
    if (options.entry == Entry::kRetest) limit = {side[0] > 0 ? top : bottom};
    stop_price = {side[0] > 0 ? bottom - buffer : top + buffer};
    if (options.rr == 0.0) options.rr = options.target;
  }

  std::string text(const char* name, const char* otherwise) const {
    const auto found = words.find(name);
    return found == words.end() ? otherwise : found->second;
  }
  double number(const char* name, double otherwise) const {
    return words.contains(name) ? std::stod(words.at(name)) : otherwise;
  }

  Words words;
  std::vector<double> scale, limit, stop_price;
  std::vector<int8_t> side;
  BarrierOptions options;
};

void check_case(const Case& path) {
  CAPTURE(path.name);
  Columns bars;
  Columns finer;
  for (size_t i = 0; i < path.bars.size(); ++i) {
    const auto at = static_cast<int64_t>(900 * i);
    bars.add(path.bars[i], at, 900);
    for (size_t j = 0; j < path.bars[i].finer.size(); ++j) {
      finer.add(path.bars[i].finer[j], at + 60 * static_cast<int64_t>(j), 60);
    }
  }
  Settings settings(path);
  const BarsView lower = finer.view();
  if (settings.options.tie == Tie::kLower) settings.options.lower = &lower;
  if (settings.words.contains("flat")) settings.options.session = bars.session;
  settings.options.quarantine = bars.quarantine;

  const std::vector<int64_t> rows{0};
  LabelTable out(1);
  const LabelCounts counts = triple_barrier(bars.view(), rows, settings.side, settings.options, out);

  constexpr std::array statuses{"ok",       "open",         "unfilled", "bad_risk", "quarantine",
                                "tie_drop", "timeout_drop", "missing",  "neutral"};
  constexpr std::array rules{"",       "stop",       "stop_gap",   "stop_tie",
                             "target", "target_gap", "target_tie", "timeout"};
  CHECK(std::string(statuses[out.status[0]]) == path.want.at("status"));
  CHECK(std::string(rules[out.rule[0]]) == path.want.at("rule"));
  const std::map<std::string, double> found{{"e", static_cast<double>(out.entry_bar[0])},
                                            {"t1", static_cast<double>(out.t1[0])},
                                            {"held", static_cast<double>(out.bars_held[0])},
                                            {"y", out.y[0]},
                                            {"fill", out.fill[0]},
                                            {"stop", out.stop[0]},
                                            {"target", out.target[0]},
                                            {"exit", out.exit[0]},
                                            {"r_gross", out.r_gross[0]},
                                            {"r", out.r[0]},
                                            {"mfe_r", out.mfe_r[0]},
                                            {"mae_r", out.mae_r[0]},
                                            {"replayed", static_cast<double>(counts.replayed)},
                                            {"fell_back", static_cast<double>(counts.fell_back)}};
  for (const auto& [name, text] : path.want) {
    if (name == "status" || name == "rule") continue;
    CAPTURE(name);
    REQUIRE(found.contains(name));
    const double want = std::stod(text);
    if (std::isnan(want)) {
      CHECK(std::isnan(found.at(name)));
    } else {
      CHECK(found.at(name) == doctest::Approx(want).epsilon(1e-9));
    }
  }
}

}  // namespace

TEST_CASE("hand-made paths give the labels that stand beside them") {
  const auto cases = read_paths();
  CHECK(cases.size() > 60);
  for (const auto& path : cases) check_case(path);
}
