#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "smctrain/models/forest/grown_tree.h"

namespace smctrain::models::growing {

namespace {

// The different targets of the rows, ascending; the place of each row's among them goes into `rank` (of every
// row of the matrix). One pass over the rows for each 11 bits in which targets differ: when a fit is stopped,
// this still has to be done, and quickly.
std::vector<double> rank_targets(std::span<const int64_t> rows, std::span<const double> targets,
                                 std::vector<int32_t>& rank) {
  constexpr int kDigitBits = 11;
  constexpr size_t kDigits = size_t{1} << kDigitBits;
  constexpr int kPasses = (64 + kDigitBits - 1) / kDigitBits;
  struct Entry {
    uint64_t key;  // in the order of the targets
    int64_t row;
  };
  std::vector<Entry> entries;
  entries.reserve(rows.size());
  for (const int64_t row : rows) {
    const auto bits = std::bit_cast<uint64_t>(targets[static_cast<size_t>(row)] + 0.0);  // no -0
    entries.push_back({bits >> 63 != 0 ? ~bits : bits | uint64_t{1} << 63, row});
  }
  std::vector<Entry> spare(entries.size());
  std::vector<std::array<uint32_t, kDigits>> counts(kPasses);
  for (const Entry& entry : entries) {
    for (int pass = 0; pass < kPasses; ++pass)
      ++counts[static_cast<size_t>(pass)][entry.key >> (kDigitBits * pass) & (kDigits - 1)];
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    auto& count = counts[static_cast<size_t>(pass)];
    if (count[entries[0].key >> (kDigitBits * pass) & (kDigits - 1)] == entries.size())
      continue;  // all alike
    uint32_t start = 0;
    for (auto& place : count) start += std::exchange(place, start);
    for (const Entry& entry : entries)
      spare[count[entry.key >> (kDigitBits * pass) & (kDigits - 1)]++] = entry;
    entries.swap(spare);
  }
  std::vector<double> different;
  for (const Entry& entry : entries) {
    const double target = targets[static_cast<size_t>(entry.row)] + 0.0;
    if (different.empty() || different.back() != target) different.push_back(target);
    rank[static_cast<size_t>(entry.row)] = static_cast<int32_t>(different.size()) - 1;
  }
  return different;
}

}  // namespace

LeafMembers members_of(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                       std::span<const double> targets, std::span<const double> weights,
                       std::vector<const GrownTree*>& trees, const StopToken& stop) {
  LeafMembers members;
  std::vector<int32_t> rank(static_cast<size_t>(matrix.rows), -1);
  members.target = rank_targets(rows, targets, rank);
  members.start.push_back(0);
  for (size_t t = 0; t < trees.size(); ++t) {
    if (t > 0 && stop.stop_requested()) {
      trees.resize(t);
      break;
    }
    const GrownTree* grown = trees[t];
    const size_t n_leaves = grown->tree.leaves.size();
    const size_t m = grown->rows.size();
    std::vector<int32_t> leaf(m + kWalks);
    std::vector<int64_t> bag(m + kWalks, grown->rows[0]);
    std::copy(grown->rows.begin(), grown->rows.end(), bag.begin());
    leaves_of_rows(grown->tree, matrix, bag.data(), static_cast<int>(m), leaf.data());
    std::vector<double> mass(n_leaves, 0.0);
    std::vector<int64_t> place(n_leaves + 1, 0);
    for (size_t i = 0; i < m; ++i) {
      const auto row = static_cast<size_t>(grown->rows[i]);
      mass[static_cast<size_t>(leaf[i])] += grown->counts[i] * (weights.empty() ? 1.0 : weights[row]);
      ++place[static_cast<size_t>(leaf[i]) + 1];
    }
    for (size_t l = 0; l < n_leaves; ++l) place[l + 1] += place[l];
    const auto base = static_cast<int64_t>(members.rank.size());
    for (size_t l = 0; l < n_leaves; ++l) members.start.push_back(base + place[l + 1]);
    members.rank.resize(static_cast<size_t>(base) + m);
    members.weight.resize(static_cast<size_t>(base) + m);
    for (size_t i = 0; i < m; ++i) {
      const auto row = static_cast<size_t>(grown->rows[i]);
      const auto at = static_cast<size_t>(base + place[static_cast<size_t>(leaf[i])]++);
      members.rank[at] = rank[row];
      members.weight[at] =
          grown->counts[i] * (weights.empty() ? 1.0 : weights[row]) / mass[static_cast<size_t>(leaf[i])];
    }
  }
  return members;
}

}  // namespace smctrain::models::growing
