#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/models/forest/kernels.h"
#include "smctrain/models/forest/tree_grower.h"

using namespace smctrain;
using namespace smctrain::models::growing;

namespace {

struct Case {
  ScanNode node;
  std::vector<uint64_t> codes;  // of rows, padded
  std::vector<uint64_t> words;
  uint64_t missing = 0;
  int n = 0;
};

uint64_t lane_of(uint64_t word, int lane) { return (word >> (16 * lane)) & kLane; }

Case draw(Philox& stream, int k, int n, bool with_missing) {
  Case made;
  made.n = n;
  made.node.n_classes = k;
  made.node.rows = n;
  made.node.least = 1e-300;
  made.node.least_rows = k == 4 ? 1 : 1 + stream.below(3);
  uint64_t all = 0;
  for (int i = 0; i < n; ++i) {
    const auto label = static_cast<int>(stream.below(k));
    uint64_t word = static_cast<uint64_t>(1 + stream.below(3)) << (16 * label);
    if (k < 4) word += uint64_t{1} << (16 * k);
    const bool missing = with_missing && stream.uniform() < 0.2;
    made.codes.push_back(missing ? kNoCode : static_cast<uint64_t>(stream.below(12)));
    made.words.push_back(word);
    all += word;
    if (missing) made.missing += word;
  }
  while (made.codes.size() % kBlock != 0) made.codes.push_back(kNoCode);
  for (int c = 0; c < k; ++c) {
    made.node.factor[c] = 0.3 + stream.uniform();
    made.node.total[c] = made.node.factor[c] * static_cast<double>(lane_of(all, c));
  }
  return made;
}

// The best boundary by trying all: (score, code, missing rows on the left).
struct Slow {
  double score = -0.5;
  uint64_t code = 0;
  bool second = false;
};

Slow search(const Case& made) {
  Slow best;
  const int k = made.node.n_classes;
  for (const bool second : {false, true}) {
    if (second && made.missing == 0) continue;
    for (uint64_t code = 0; code < 12; ++code) {
      if (std::count(made.codes.begin(), made.codes.end(), code) == 0) continue;
      uint64_t sum = second ? made.missing : 0;
      int64_t rows = 0;
      for (int i = 0; i < made.n; ++i) {
        const uint64_t at = made.codes[static_cast<size_t>(i)];
        if (at <= code) sum += made.words[static_cast<size_t>(i)];
        if (at <= code || (second && at == kNoCode)) ++rows;
      }
      if (std::min(rows, made.n - rows) < made.node.least_rows) continue;
      std::vector<double> left;
      for (int c = 0; c < k; ++c) left.push_back(made.node.factor[c] * static_cast<double>(lane_of(sum, c)));
      const double score = split_score(left.data(), made.node.total, k, made.node.least);
      if (score > best.score) best = {score, code, second};
    }
  }
  return best;
}

}  // namespace

TEST_CASE("ForestKernels.EveryLevelFindsTheBestBoundaryToTheBit") {
  KernelLevel levels[3];
  const int n_levels = kernel_levels(levels);
  REQUIRE(n_levels >= 1);
  Philox stream(1, "kernels");
  for (int round = 0; round < 400; ++round) {
    const int k = 2 + round % 3;
    const Case made = draw(stream, k, 2 + static_cast<int>(stream.below(24)), round % 2 == 0);
    const Slow slow = search(made);
    for (int l = 0; l < n_levels; ++l) {
      CAPTURE(levels[l].name);
      const Kernels& kernels = *levels[l].kernels;
      const ScanBest few = kernels.pairs[k](made.node, made.codes.data(), made.words.data(), made.n,
                                            made.missing != 0, made.missing, -0.5);
      REQUIRE((few.at >= 0) == (slow.score >= 0.0));
      // The histogram's way.
      std::vector<uint64_t> histogram(32, 0);
      for (int i = 0; i < made.n; ++i) {
        const uint64_t code = made.codes[static_cast<size_t>(i)];
        if (code != kNoCode) histogram[code] += made.words[static_cast<size_t>(i)];
      }
      std::vector<int32_t> codes(40);
      std::vector<uint64_t> prefix(40);
      const int n = kernels.collect(histogram.data(), 12, true, codes.data(), prefix.data());
      CHECK(std::count(histogram.begin(), histogram.end(), uint64_t{0}) == 32);
      ScanBest many = kernels.scan[k](made.node, prefix.data(), n, 0, -0.5);
      if (made.missing != 0) {
        const ScanBest other = kernels.scan[k](made.node, prefix.data(), n, made.missing, many.score);
        if (other.at >= 0) {
          many = other;
          many.second = true;
        }
      }
      REQUIRE((many.at >= 0) == (slow.score >= 0.0));
      if (slow.score < 0.0) continue;
      CHECK(few.score == slow.score);
      CHECK(many.score == slow.score);
      CHECK(few.second == slow.second);
      CHECK(many.second == slow.second);
      // A code between two occupied ones makes the same split: compare the rows on the left.
      for (int i = 0; i < made.n; ++i) {
        const uint64_t code = made.codes[static_cast<size_t>(i)];
        const bool left = code <= slow.code;
        CHECK((code <= made.codes[static_cast<size_t>(few.at)]) == left);
        if (code != kNoCode) {
          CHECK((static_cast<int64_t>(code) <= codes[static_cast<size_t>(many.at)]) == left);
        }
      }
    }
  }
}

TEST_CASE("ForestKernels.TwoWordsAreScannedAsOneWouldBe") {
  KernelLevel levels[3];
  const int n_levels = kernel_levels(levels);
  Philox stream(2, "kernels");
  constexpr int kClasses = 6;
  for (int round = 0; round < 50; ++round) {
    const int n = 1 + static_cast<int>(stream.below(40));
    ScanNode node;
    node.n_classes = kClasses;
    node.least = 1e-300;
    node.least_rows = 2;
    std::vector<uint64_t> first(48, 0);
    std::vector<uint64_t> second(48, 0);
    uint64_t words[2] = {0, 0};
    for (int i = 0; i < n; ++i) {
      const auto label = static_cast<int>(stream.below(kClasses));
      words[label / 4] += uint64_t{2} << (16 * (label % 4));
      words[1] += uint64_t{1} << 32;
      first[static_cast<size_t>(i)] = words[0];
      second[static_cast<size_t>(i)] = words[1];
    }
    node.rows = n;
    const auto mass = [&](const uint64_t w0, const uint64_t w1, int c) {
      return node.factor[c] * static_cast<double>(lane_of(c < 4 ? w0 : w1, c % 4));
    };
    for (int c = 0; c < kClasses; ++c) {
      node.factor[c] = 0.3 + stream.uniform();
      node.total[c] = mass(words[0], words[1], c);
    }
    double best = -0.5;
    int64_t at = -1;
    for (int i = 1; i + 2 < n; ++i) {  // two rows on each side
      double left[kClasses];
      for (int c = 0; c < kClasses; ++c)
        left[c] = mass(first[static_cast<size_t>(i)], second[static_cast<size_t>(i)], c);
      const double score = split_score(left, node.total, kClasses, node.least);
      if (score > best) {
        best = score;
        at = i;
      }
    }
    for (int l = 0; l < n_levels; ++l) {
      const ScanBest found = levels[l].kernels->scan_two(node, first.data(), second.data(), n, 0, 0, -0.5);
      CHECK(found.at == at);
      CHECK(found.score == best);
    }
  }
}
