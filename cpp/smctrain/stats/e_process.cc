#include "smctrain/stats/e_process.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "smctrain/base/error.h"

namespace smctrain::stats {

namespace {

constexpr std::array<double, 4> kBets = {0.05, 0.1, 0.2, 0.3};
constexpr auto kBetCount = static_cast<int64_t>(kBets.size());
constexpr double kLowestShare = 0.05;
constexpr double kHighestShare = 0.95;
constexpr double kWealthCap = 1e250;
constexpr int32_t kLargestCode = 65'535;        // keeps the table of resolved labels small
constexpr int64_t kLongestHorizon = 1'000'000;  // one account per row of the horizon, bet and model

int64_t checked_horizon(int64_t horizon) {
  if (horizon < 1 || horizon > kLongestHorizon) {
    raise("InputError", "horizon must be from 1 to ", kLongestHorizon, " rows, but is ", horizon, ".");
  }
  return horizon;
}

int64_t checked_models(int64_t models) {
  if (models < 1) raise("InputError", "predictions must hold at least one model, but has none.");
  return models;
}

}  // namespace

EProcessStream::SumTree::SumTree(int64_t count) {
  while (leaves_ < count) leaves_ *= 2;
  nodes_.assign(static_cast<size_t>(2 * leaves_), 0.0);
}

void EProcessStream::SumTree::set(int64_t slot, double value) {
  auto node = static_cast<size_t>(leaves_ + slot);
  nodes_[node] = value;
  for (node /= 2; node >= 1; node /= 2) nodes_[node] = nodes_[2 * node] + nodes_[2 * node + 1];
}

EProcessStream::EProcessStream(int64_t n_models, const EProcessSettings& settings)
    : n_models_(checked_models(n_models)),
      horizon_(checked_horizon(settings.horizon)),
      baseline_(settings.baseline),
      shares_(settings.train_shares.begin(), settings.train_shares.end()),
      train_rows_(settings.train_rows),
      wealth_(static_cast<size_t>(horizon_ * n_models_ * kBetCount), 1.0),
      streams_(horizon_),
      resolved_(shares_.size(), 0),
      open_(static_cast<size_t>(horizon_), -1) {
  if (shares_.empty() && !(baseline_ > 0.0 && baseline_ < 1.0)) {
    raise("InputError", "baseline must lie between 0 and 1, but is ", baseline_, ".");
  }
  if (!(train_rows_ >= 0.0 && std::isfinite(train_rows_))) {
    raise("InputError", "train_rows must not be negative, but is ", train_rows_, ".");
  }
  for (int64_t j = 0; j < horizon_; ++j) settle(j);
}

// Carries the money of one stream into the mean.
void EProcessStream::settle(int64_t stream) {
  const int64_t accounts = n_models_ * kBetCount;
  const double* money = wealth_.data() + stream * accounts;
  double sum = 0.0;
  for (int64_t i = 0; i < accounts; ++i) sum += money[i];
  streams_.set(stream, sum);
}

double EProcessStream::odds(int32_t code) const {
  if (shares_.empty()) return baseline_;
  const auto c = static_cast<size_t>(code);
  double q = c < shares_.size() ? shares_[c] : 0.0;
  const auto count = static_cast<double>(c < resolved_.size() ? resolved_[c] : 0);
  const auto total = static_cast<double>(resolved_total_);
  if (train_rows_ > 0.0) {
    q = (q * train_rows_ + count) / (train_rows_ + total);
  } else if (resolved_total_ > 0) {
    q = std::max(q, count / total);
  }
  return std::clamp(q, kLowestShare, kHighestShare);
}

double EProcessStream::push(int32_t y, std::span<const int32_t> codes) {
  if (static_cast<int64_t>(codes.size()) != n_models_) {
    raise("InputError", "predictions must hold one code a model (", n_models_, "), but has ", codes.size(),
          ".");
  }
  const int64_t j = rows_ % horizon_;
  int32_t& label = open_[static_cast<size_t>(j)];  // of row rows_ - h, resolved by now
  if (y > kLargestCode)
    raise("InputError", "y_true must hold class codes up to ", kLargestCode, ", but holds ", y, ".");
  if (!shares_.empty() && label >= 0) {
    if (static_cast<size_t>(label) >= resolved_.size()) resolved_.resize(static_cast<size_t>(label) + 1, 0);
    ++resolved_[static_cast<size_t>(label)];
    ++resolved_total_;
  }
  label = y;
  double* money = wealth_.data() + j * n_models_ * kBetCount;
  for (const int32_t code : codes) {
    if (code >= 0) {
      const double q = odds(code);
      const double gain = ((code == y ? 1.0 : 0.0) - q) / std::max(q, 1.0 - q);
      for (size_t b = 0; b < kBets.size(); ++b) {
        money[b] = std::min(money[b] * (1.0 + kBets[b] * gain), kWealthCap);
      }
    }
    money += kBetCount;
  }
  settle(j);
  ++rows_;
  value_ = streams_.total() / (static_cast<double>(horizon_) * static_cast<double>(n_models_ * kBetCount));
  largest_ = std::max(largest_, value_);
  return value_;
}

void EProcessStream::restore(const State& state) {
  const bool fits =
      state.rows >= 0 && state.wealth.size() == wealth_.size() && state.open.size() == open_.size() &&
      state.resolved.size() >= shares_.size() &&
      std::all_of(state.wealth.begin(), state.wealth.end(),
                  [](double w) { return w >= 0.0 && w <= kWealthCap; }) &&
      std::all_of(state.open.begin(), state.open.end(), [](int32_t c) { return c <= kLargestCode; }) &&
      state.resolved.size() <= static_cast<size_t>(kLargestCode) + 1 &&
      std::all_of(state.resolved.begin(), state.resolved.end(), [](int64_t c) { return c >= 0; });
  if (!fits) raise("InputError", "this state does not belong to an e-process of these settings.");
  wealth_ = state.wealth;
  resolved_ = state.resolved;
  open_ = state.open;
  rows_ = state.rows;
  largest_ = state.largest;
  resolved_total_ = 0;
  for (const int64_t count : resolved_) resolved_total_ += count;
  for (int64_t j = 0; j < horizon_; ++j) settle(j);
  value_ = rows_ == 0 ? 1.0
                      : streams_.total() /
                            (static_cast<double>(horizon_) * static_cast<double>(n_models_ * kBetCount));
}

std::vector<double> e_process(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                              int64_t n_classes, const EProcessSettings& settings) {
  const auto n = static_cast<int64_t>(y.size());
  if (!settings.train_shares.empty() && static_cast<int64_t>(settings.train_shares.size()) != n_classes) {
    raise("InputError", "train_shares must have one entry per class (", n_classes, "), but has ",
          settings.train_shares.size(), ".");
  }
  EProcessStream stream(predictions.rows, settings);
  if (predictions.cols != n) {
    raise("InputError", "predictions must have as many rows in time as y_true (", n, "), but has ",
          predictions.cols, ".");
  }
  std::vector<double> path;
  path.reserve(static_cast<size_t>(n + 1));
  path.push_back(1.0);
  std::vector<int32_t> codes(static_cast<size_t>(predictions.rows));
  for (int64_t t = 0; t < n; ++t) {
    for (int64_t m = 0; m < predictions.rows; ++m) {
      const int32_t code = predictions(m, t);
      codes[static_cast<size_t>(m)] = code < n_classes ? code : -1;
    }
    const int32_t label = y[static_cast<size_t>(t)];
    path.push_back(stream.push(label < n_classes ? label : -1, codes));
  }
  return path;
}

}  // namespace smctrain::stats
