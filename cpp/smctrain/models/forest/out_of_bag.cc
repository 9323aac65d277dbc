#include <algorithm>
#include <array>
#include <cmath>

#include "smctrain/base/parallel.h"
#include "smctrain/models/forest/grown_tree.h"

namespace smctrain::models::growing {

namespace {

// Leaves (numbers in the tree) of n rows, kWalks at a time: their latencies overlap, and no branch depends on
// a row.
template <class Code>
void leaves_by_code(const Tree& tree, const BinnedMatrix& matrix, const int64_t* rows, int n,
                    int32_t* leaves) {
  constexpr int kStretch = 3;  // levels between two looks whether all walks have ended
  const TreeNode* nodes = tree.nodes.data();
  const Code* codes = matrix.column<Code>(0);
  for (int first = 0; first < n; first += kWalks) {
    std::array<int32_t, kWalks> at{};
    for (bool on = true; on;) {
      const auto before = at;
      for (int level = 0; level < kStretch; ++level) {
#pragma GCC unroll 16
        for (size_t walk = 0; walk < kWalks; ++walk) {
          const TreeNode node = nodes[at[walk]];
          const bool leaf = node.feature < 0;
          const int code =
              codes[(leaf ? 0 : node.feature) * matrix.rows + rows[static_cast<size_t>(first) + walk]];
          const bool left = (code <= node.code) | ((code == kMissing<Code>)&(node.missing_left != 0));
          at[walk] = leaf ? at[walk] : node.left + (left ? 0 : 1);
        }
      }
      on = at != before;
    }
    for (int walk = 0; walk < kWalks; ++walk)
      leaves[first + walk] = nodes[at[static_cast<size_t>(walk)]].left;
  }
}

}  // namespace

void leaves_of_rows(const Tree& tree, const BinnedMatrix& matrix, const int64_t* rows, int n,
                    int32_t* leaves) {
  matrix.wide ? leaves_by_code<uint16_t>(tree, matrix, rows, n, leaves)
              : leaves_by_code<uint8_t>(tree, matrix, rows, n, leaves);
}

std::vector<double> out_of_bag_values(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                                      int64_t n_classes, const std::vector<const GrownTree*>& trees,
                                      int threads, const StopToken& stop) {
  constexpr int64_t kBlock = 512;
  const auto n = static_cast<int64_t>(rows.size());
  std::vector<double> values(static_cast<size_t>(n * n_classes), 0.0);
  parallel_for((n + kBlock - 1) / kBlock, threads, [&](int64_t block) {
    const int64_t begin = block * kBlock;
    const int64_t end = std::min(n, begin + kBlock);
    std::array<int64_t, kBlock> times{};
    std::array<int64_t, kBlock + kWalks> unseen;
    std::array<int32_t, kBlock> place;
    std::array<int32_t, kBlock + kWalks> leaves;
    for (const GrownTree* grown : trees) {
      if (stop.stop_requested()) return;
      int m = 0;
      for (int64_t i = begin; i < end; ++i) {
        unseen[static_cast<size_t>(m)] = rows[static_cast<size_t>(i)];
        place[static_cast<size_t>(m)] = static_cast<int32_t>(i - begin);
        m += grown->in_bag[static_cast<size_t>(i / 64)] >> (i % 64) & 1 ? 0 : 1;
      }
      for (int i = m; i < m + kWalks; ++i) unseen[static_cast<size_t>(i)] = rows[static_cast<size_t>(begin)];
      leaves_of_rows(grown->tree, matrix, unseen.data(), m, leaves.data());
      for (int i = 0; i < m; ++i) {
        const int32_t at = place[static_cast<size_t>(i)];
        const double* share = grown->tree.leaves.data() + leaves[static_cast<size_t>(i)] * n_classes;
        double* sum = values.data() + (begin + at) * n_classes;
        for (int64_t c = 0; c < n_classes; ++c) sum[c] += share[c];
        ++times[static_cast<size_t>(at)];
      }
    }
    for (int64_t i = begin; i < end; ++i) {
      const auto count = static_cast<double>(times[static_cast<size_t>(i - begin)]);  // 0 / 0 is NaN
      for (int64_t c = 0; c < n_classes; ++c) values[static_cast<size_t>(i * n_classes + c)] /= count;
    }
  });
  return values;
}

void score_out_of_bag(std::span<const int64_t> rows, const Lesson& lesson, ForestFit& fit) {
  const int64_t k = lesson.n_classes;
  double hits = 0.0;
  double sum = 0.0;
  double squares = 0.0;
  double errors = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double* value = fit.oob_values.data() + static_cast<int64_t>(i) * k;
    if (std::isnan(value[0])) continue;
    ++fit.oob_rows;
    const auto row = static_cast<size_t>(rows[i]);
    if (lesson.targets.empty()) {
      hits += std::max_element(value, value + k) - value == lesson.labels[row] ? 1.0 : 0.0;
    } else {
      const double target = lesson.targets[row] - lesson.centre;
      const double error = lesson.targets[row] - value[0];
      sum += target;
      squares += target * target;
      errors += error * error;
    }
  }
  if (fit.oob_rows == 0) return;
  const auto n = static_cast<double>(fit.oob_rows);
  const double spread = squares - sum * sum / n;
  if (lesson.targets.empty()) {
    fit.oob_score = hits / n;
  } else if (spread > 0.0) {
    fit.oob_score = 1.0 - errors / spread;
  }
}

}  // namespace smctrain::models::growing
