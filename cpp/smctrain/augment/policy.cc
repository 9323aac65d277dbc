#include "smctrain/augment/policy.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "smctrain/augment/transforms.h"
#include "smctrain/base/error.h"

namespace smctrain::augment {

namespace {

constexpr int64_t kMostCopies = 100'000'000;
constexpr int64_t kMostClasses = 1'000'000;

template <class T>
void shuffle(std::vector<T>& values, Philox& random) {
  for (size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[static_cast<size_t>(random.below(static_cast<int64_t>(i)))]);
  }
}

}  // namespace

std::vector<int64_t> largest_remainder(std::span<const int64_t> counts, int64_t total) {
  const int64_t sum = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  std::vector<int64_t> shares(counts.size(), 0);
  if (sum == 0) return shares;
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<int64_t> remainder(counts.size());
  int64_t given = 0;
  for (size_t c = 0; c < counts.size(); ++c) {
    shares[c] = counts[c] * total / sum;
    remainder[c] = counts[c] * total % sum;
    given += shares[c];
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainder[a] > remainder[b]; });
  for (size_t i = 0; given < total; ++i, ++given) ++shares[order[i]];
  return shares;
}

CopiedRows copy_rows(const MatrixView<const double>& x, std::span<const Column> columns,
                     std::span<const int64_t> classes, std::span<const int32_t> segment, int64_t copies,
                     const CopyOptions& options, Philox& random) {
  if (copies < 0 || copies > kMostCopies || (copies > 0 && classes.empty())) {
    raise("InputError", "copies must be from 0 to ", kMostCopies, " and of at least one row, but are ",
          copies, " of ", classes.size(), " rows.");
  }
  int64_t n_classes = 0;
  for (const int64_t code : classes) {
    if (code < 0 || code >= kMostClasses) {
      raise("InputError", "classes must be codes from 0 to ", kMostClasses - 1, ", but one is ", code, ".");
    }
    n_classes = std::max(n_classes, code + 1);
  }
  std::vector<std::vector<int64_t>> members(static_cast<size_t>(n_classes));
  for (size_t i = 0; i < classes.size(); ++i) {
    members[static_cast<size_t>(classes[i])].push_back(static_cast<int64_t>(i));
  }
  std::vector<int64_t> counts;
  for (const auto& rows : members) counts.push_back(static_cast<int64_t>(rows.size()));
  const auto shares = largest_remainder(counts, copies);

  std::vector<int64_t> sources;
  sources.reserve(static_cast<size_t>(copies));
  for (size_t c = 0; c < members.size(); ++c) {
    auto& rows = members[c];
    int64_t left = shares[c];
    for (; left >= counts[c] && counts[c] > 0; left -= counts[c]) {
      sources.insert(sources.end(), rows.begin(), rows.end());
    }
    shuffle(rows, random);
    sources.insert(sources.end(), rows.begin(), rows.begin() + left);
  }
  shuffle(sources, random);

  const int64_t part = copies / (options.order_is_time ? 3 : 2);
  const int64_t shifts = options.order_is_time ? part : 0;
  CopiedRows out;
  out.x.resize(static_cast<size_t>(copies * x.cols));
  out.parents.resize(static_cast<size_t>(copies) * 2);
  out.method.resize(static_cast<size_t>(copies));
  for (int64_t m = 0; m < copies; ++m) {
    const auto i = static_cast<size_t>(m);
    const int64_t row = sources[i];
    const std::span<double> target(out.x.data() + m * x.cols, static_cast<size_t>(x.cols));
    int64_t features_from = row;
    Method method = m < shifts ? Method::kShift : m < shifts + part ? Method::kDropout : Method::kJitter;
    if (method == Method::kShift) {
      features_from = shifted_row(row, segment, options.max_shift, random);
      if (features_from == row) method = Method::kJitter;
    }
    if (method == Method::kShift) {
      const auto source = x.row(features_from);
      std::copy(source.begin(), source.end(), target.begin());
    } else if (method == Method::kDropout) {
      dropout_row(x.row(row), columns, options.dropout_rate, random, target);
    } else {
      jitter_row(x.row(row), columns, options.std, random, target);
    }
    out.parents[i * 2] = features_from;
    out.parents[i * 2 + 1] = row;
    out.method[i] = static_cast<uint8_t>(method);
  }
  return out;
}

}  // namespace smctrain::augment
