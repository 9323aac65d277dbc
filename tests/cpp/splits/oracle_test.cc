// Every split of 10,000 random interval sets against the definitions, written as double loops.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"
#include "smctrain/splits/audit.h"
#include "smctrain/splits/events.h"
#include "smctrain/splits/purge.h"
#include "smctrain/splits/purged_kfold.h"
#include "smctrain/splits/temporal.h"

using namespace smctrain::splits;
using smctrain::Philox;

namespace {

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

struct Case {
  std::vector<int64_t> t0, t1, symbol;
};

// Ties, holes, panels, any order; ends unsorted, equal to the start, all alike or infinite.
Case random_case(Philox& random, int64_t n) {
  Case made;
  const int64_t kind = random.below(4);
  const int64_t symbols = kind == 0 ? 1 + random.below(4) : 1;
  const int64_t step = 1 + random.below(3);
  const int64_t span = std::max<int64_t>(2, n * step / (1 + random.below(3)));
  for (int64_t i = 0; i < n; ++i) {
    made.symbol.push_back(i % symbols);
    int64_t t0 = kind == 0 ? i / symbols * step : random.below(span);
    if (kind == 1) t0 = i * step + (i > n / 2 ? 50 : 0);  // one hole
    made.t0.push_back(t0);
  }
  if (kind == 2) std::sort(made.t0.begin(), made.t0.end());
  const int64_t ends = random.below(5);
  const int64_t longest = 1 + random.below(ends == 4 ? 60 : 15);
  const int64_t last = *std::max_element(made.t0.begin(), made.t0.end());
  for (int64_t i = 0; i < n; ++i) {
    const int64_t t0 = made.t0[static_cast<size_t>(i)];
    int64_t t1 = t0 + random.below(longest + 1);
    if (ends == 0) t1 = t0;
    if (ends == 1) t1 = t0 + longest;
    if (ends == 2) t1 = std::max(t0, t0 / 20 * 20 + 19);  // many labels end together
    if (ends == 3 && random.below(40) == 0) t1 = kForever;
    if (ends == 4 && random.below(3) == 0) t1 = last + 5;
    made.t1.push_back(t1);
  }
  return made;
}

std::vector<int64_t> stamps_of(const Case& made) {
  const std::set<int64_t> distinct(made.t0.begin(), made.t0.end());
  return {distinct.begin(), distinct.end()};
}

int64_t index_of(const std::vector<int64_t>& stamps, int64_t t0) {
  return std::lower_bound(stamps.begin(), stamps.end(), t0) - stamps.begin();
}

int64_t moment_back(const std::vector<int64_t>& stamps, int64_t t0, const Distance& distance) {
  const int64_t index = index_of(stamps, t0);
  if (distance.stamps > index) return std::numeric_limits<int64_t>::min();
  return stamps[static_cast<size_t>(index - distance.stamps)] - distance.span;
}

// Section 1.1 of the definitions, literally.
std::vector<Fate> literal(const Case& made, std::vector<Fate> fates, const Rules& rules) {
  const auto stamps = stamps_of(made);
  const size_t n = made.t0.size();
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return made.t0[a] != made.t0[b] ? made.t0[a] < made.t0[b] : a < b; });
  std::vector<std::vector<size_t>> blocks;
  bool inside = false;
  for (const size_t i : order) {
    if (fates[i] == Fate::kUnused) continue;
    if (fates[i] == Fate::kTest) {
      if (!inside) blocks.emplace_back();
      blocks.back().push_back(i);
    }
    inside = fates[i] == Fate::kTest;
  }
  const auto result = [&](size_t i) {
    const int64_t start = moment_back(stamps, made.t0[i], rules.lookback);
    for (const auto& block : blocks) {
      int64_t a = kForever;
      int64_t b = std::numeric_limits<int64_t>::min();
      for (const size_t j : block) {
        if (!rules.block && start <= made.t1[j] && made.t0[j] <= made.t1[i]) return Fate::kPurged;
        a = std::min(a, made.t0[j]);
        b = std::max(b, made.t1[j]);
      }
      if (rules.block && start <= b && made.t1[i] >= a) return Fate::kPurged;
    }
    for (const auto& block : blocks) {
      int64_t b = std::numeric_limits<int64_t>::min();
      for (const size_t j : block) b = std::max(b, made.t1[j]);
      if (made.t0[i] <= b) continue;
      Distance distance = rules.embargo.distance;
      if (rules.embargo.share > 0) {
        const int64_t length =
            index_of(stamps, made.t0[block.back()]) - index_of(stamps, made.t0[block.front()]) + 1;
        int64_t whole = 0;  // ceil(length / 20)
        while (whole * 20 < length) ++whole;
        distance.stamps = std::min(distance.stamps, whole);
      }
      if (made.t0[i] - b <= distance.span) return Fate::kEmbargoed;
      const auto beyond = std::upper_bound(stamps.begin(), stamps.end(), b + distance.span);
      const int64_t between =
          index_of(stamps, made.t0[i]) + 1 - (beyond - stamps.begin());  // in (b + span, t0]
      if (between <= distance.stamps) return Fate::kEmbargoed;
    }
    return Fate::kTrain;
  };
  auto judged = fates;
  for (size_t i = 0; i < n; ++i) {
    if (fates[i] == Fate::kTrain) judged[i] = result(i);
  }
  return judged;
}

Rules random_rules(Philox& random) {
  Rules rules;
  switch (random.below(4)) {
    case 0:
      rules.embargo.distance.stamps = random.below(6);
      break;
    case 1:
      rules.embargo.distance.span = random.below(12);
      break;
    case 2:
      rules.embargo = {{1 + random.below(10), 0}, 0.05};
      break;
    default:
      break;
  }
  if (random.below(3) == 0) rules.lookback.stamps = random.below(6);
  if (random.below(3) == 0) rules.lookback.span = random.below(12);
  rules.block = random.below(4) == 0;
  return rules;
}

int64_t overlapping_pairs(const Case& made, const std::vector<Fate>& fates) {
  int64_t pairs = 0;
  for (size_t i = 0; i < fates.size(); ++i) {
    if (fates[i] != Fate::kTrain) continue;
    for (size_t j = 0; j < fates.size(); ++j) {
      pairs += fates[j] == Fate::kTest && made.t0[i] <= made.t1[j] && made.t0[j] <= made.t1[i] ? 1 : 0;
    }
  }
  return pairs;
}

// Mostly small, which finds the same faults in a hundredth of the time; with SMCTRAIN_FULL set all of 50 to
// 2000 rows.
int64_t size_of_case(Philox& random) {
  static const bool full = std::getenv("SMCTRAIN_FULL") != nullptr;
  if (full) return static_cast<int64_t>(50.0 * std::pow(40.0, random.uniform()));
  const int64_t draw = random.below(200);
  if (draw == 0) return 200 + random.below(1801);
  return draw < 10 ? 60 + random.below(200) : 2 + random.below(50);
}

}  // namespace

TEST_CASE(
    "10000 random interval sets: purge and embargo and windows equal the double loop and leave no overlap") {
  Philox random(7, "splits/oracle");
  int64_t wrong = 0;
  int64_t leaks = 0;
  int64_t audits = 0;
  for (int64_t number = 0; number < 10'000; ++number) {
    const Case made = random_case(random, size_of_case(random));
    const size_t n = made.t0.size();
    const Timeline time({made.t0, made.t1});
    const auto stamps = stamps_of(made);
    const auto n_stamps = static_cast<int64_t>(stamps.size());
    const Rules rules = random_rules(random);

    std::vector<Fate> before(n, Fate::kTrain);
    std::vector<Fate> after;
    if (number % 3 == 0 || n_stamps < 2) {  // any test rows at all
      const int64_t share = 1 + random.below(9);
      std::vector<uint8_t> is_test(n, 0);
      for (size_t i = 0; i < n; ++i) {
        is_test[i] = random.below(10) < share ? 1 : 0;
        if (is_test[i] != 0) before[i] = Fate::kTest;
      }
      after = purge_and_embargo(time, is_test, rules);
    } else {  // one or two of N groups; every tenth time N = number of stamps: folds of one stamp
      const int64_t n_groups =
          random.below(10) == 0 ? n_stamps : 2 + random.below(std::min<int64_t>(9, n_stamps - 1));
      const auto borders = group_borders(n_stamps, n_groups);
      std::set<int64_t> chosen{random.below(n_groups)};
      if (n_groups > 2 && number % 3 == 2) chosen.insert(random.below(n_groups));
      std::vector<Window> windows;
      for (const int64_t group : chosen) {
        const auto g = static_cast<size_t>(group);
        windows.push_back({borders[g], borders[g + 1]});
        for (size_t i = 0; i < n; ++i) {
          const int64_t stamp = index_of(stamps, made.t0[i]);
          if (stamp >= borders[g] && stamp < borders[g + 1]) before[i] = Fate::kTest;
        }
      }
      after = window_split(time, windows, rules);
    }
    wrong += after != literal(made, before, rules) ? 1 : 0;
    leaks += overlapping_pairs(made, after);

    const auto train = rows_with(after, Fate::kTrain);
    const auto test = rows_with(after, Fate::kTest);
    const Leak found = audit_split(time, train, test, {false, {}, rules.embargo, rules.lookback});
    if (!train.empty() && !test.empty()) audits += found.code.empty() ? 1 : 0;
    CHECK_MESSAGE((found.code.empty() || train.empty() || test.empty()), "case ", number, ": ", found.code);
  }
  CHECK(wrong == 0);
  CHECK(leaks == 0);
  CHECK(audits > 5'000);  // most cases leave something to train on
}

TEST_CASE("3000 random interval sets: splits forward in time equal the double loop") {
  Philox random(8, "splits/oracle");
  int64_t wrong = 0;
  for (int64_t number = 0; number < 3'000; ++number) {
    const Case made = random_case(random, std::max<int64_t>(4, size_of_case(random)));
    const size_t n = made.t0.size();
    const Timeline time({made.t0, made.t1});
    const auto stamps = stamps_of(made);
    const auto n_stamps = static_cast<int64_t>(stamps.size());
    if (n_stamps < 4) continue;
    const int64_t first = 1 + random.below(n_stamps - 2);
    const int64_t last = first + 1 + random.below(n_stamps - first);
    Distance gap;
    if (number % 2 == 0) gap.stamps = random.below(4);
    if (number % 3 == 0) gap.span = random.below(8);
    const int64_t width = number % 4 == 0 ? 1 + random.below(10) : 0;
    const int64_t limit = moment_back(stamps, stamps[static_cast<size_t>(first)], gap);

    const auto fates = forward_split(time, {first, last}, width, gap);
    std::vector<int64_t> allowed;  // stamps before the gap
    for (int64_t s = 0; s < first; ++s) {
      if (stamps[static_cast<size_t>(s)] < limit) allowed.push_back(s);
    }
    const auto n_allowed = static_cast<int64_t>(allowed.size());
    const int64_t oldest = width > 0 ? std::max<int64_t>(0, n_allowed - width) : 0;
    for (size_t i = 0; i < n; ++i) {
      const int64_t stamp = index_of(stamps, made.t0[i]);
      Fate expected = Fate::kUnused;
      if (stamp >= first && stamp < last) expected = Fate::kTest;
      if (stamp < first && stamp >= oldest) expected = made.t1[i] < limit ? Fate::kTrain : Fate::kPurged;
      wrong += fates[i] != expected ? 1 : 0;
    }

    const auto parts = temporal_split(time, first, std::min(last, n_stamps - 1), gap);
    const int64_t test_first = std::min(last, n_stamps - 1);
    const int64_t test_limit = moment_back(stamps, stamps[static_cast<size_t>(test_first)], gap);
    for (size_t i = 0; i < n; ++i) {
      const int64_t stamp = index_of(stamps, made.t0[i]);
      Part expected = Part::kTest;
      if (stamp < test_first) expected = made.t1[i] < test_limit ? Part::kValidation : Part::kPurged;
      if (stamp < first) {
        expected = made.t1[i] < limit && made.t1[i] < test_limit ? Part::kTrain : Part::kPurged;
      }
      wrong += parts[i] != expected ? 1 : 0;
    }

    // One symbol held out.
    const int64_t held_out = made.symbol[static_cast<size_t>(random.below(static_cast<int64_t>(n)))];
    const Rules rules = random_rules(random);
    for (const bool strict : {true, false}) {
      const auto got = symbol_split(time, made.symbol, held_out, {first, last}, strict, gap, rules);
      std::vector<Fate> expected(n, Fate::kUnused);
      for (size_t i = 0; i < n; ++i) {
        const int64_t stamp = index_of(stamps, made.t0[i]);
        if (made.symbol[i] == held_out) {
          if (stamp >= first && stamp < last) expected[i] = Fate::kTest;
        } else if (!strict) {
          expected[i] = Fate::kTrain;
        } else if (stamp < first) {
          expected[i] = made.t1[i] < limit ? Fate::kTrain : Fate::kPurged;
        }
      }
      if (!strict) expected = literal(made, expected, rules);
      wrong += got != expected ? 1 : 0;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("3000 random event graphs equal a search over all pairs of rows") {
  Philox random(9, "splits/oracle");
  int64_t wrong = 0;
  for (int64_t number = 0; number < 3'000; ++number) {
    Case made = random_case(random, 2 + random.below(40));
    const size_t n = made.t0.size();
    if (number % 2 == 0) {  // short labels, so that some borders are left
      for (size_t i = 0; i < n; ++i) made.t1[i] = made.t0[i] + random.below(2);
    }
    const Timeline time({made.t0, made.t1});
    const auto stamps = stamps_of(made);
    constexpr int64_t kColumns = 2;
    std::vector<int64_t> ids(n * kColumns, -1);
    for (auto& id : ids) id = random.below(4) == 0 ? random.below(12) : -1;

    std::vector<int64_t> component(n, -1);
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return made.t0[a] < made.t0[b]; });
    int64_t n_components = 0;
    for (const size_t seed : order) {
      if (component[seed] >= 0) continue;
      std::vector<size_t> open{seed};
      component[seed] = n_components;
      while (!open.empty()) {
        const size_t i = open.back();
        open.pop_back();
        for (size_t j = 0; j < n; ++j) {
          bool edge = made.t0[i] <= made.t1[j] && made.t0[j] <= made.t1[i];
          for (size_t c = 0; c < kColumns; ++c) {
            edge |= ids[i * kColumns + c] >= 0 && ids[i * kColumns + c] == ids[j * kColumns + c];
          }
          if (edge && component[j] < 0) {
            component[j] = n_components;
            open.push_back(j);
          }
        }
      }
      ++n_components;
    }
    std::vector<int64_t> admissible;
    for (int64_t border = 1; border < static_cast<int64_t>(stamps.size()); ++border) {
      bool cut = false;
      for (size_t i = 0; i < n; ++i) {
        for (size_t j = 0; j < n; ++j) {
          cut |= component[i] == component[j] && index_of(stamps, made.t0[i]) < border &&
                 index_of(stamps, made.t0[j]) >= border;
        }
      }
      if (!cut) admissible.push_back(border);
    }
    const EventGraph graph = event_graph(time, ids, kColumns);
    wrong += graph.component != component || graph.admissible != admissible ? 1 : 0;
    for (int64_t c = 0; c < n_components; ++c) {
      wrong +=
          graph.rows[static_cast<size_t>(c)] != std::count(component.begin(), component.end(), c) ? 1 : 0;
    }
  }
  CHECK(wrong == 0);
}
