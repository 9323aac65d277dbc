#include "smctrain/base/rng.h"

#include <cmath>
#include <numbers>

namespace smctrain {

namespace {

std::pair<uint64_t, uint64_t> mulhilo(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return {static_cast<uint64_t>(product >> 64), static_cast<uint64_t>(product)};
}

}  // namespace

void Philox::refill() {
  for (auto& word : counter_) {
    if (++word != 0) break;
  }
  auto x = counter_;
  auto k = key_;
  for (int round = 0; round < 10; ++round) {
    const auto [hi0, lo0] = mulhilo(0xD2E7470EE14C6C93ULL, x[0]);
    const auto [hi1, lo1] = mulhilo(0xCA5A826395121157ULL, x[2]);
    x = {hi1 ^ x[1] ^ k[0], lo1, hi0 ^ x[3] ^ k[1], lo0};
    k[0] += 0x9E3779B97F4A7C15ULL;
    k[1] += 0xBB67AE8584CAA73BULL;
  }
  block_ = x;
  used_ = 0;
}

double Philox::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double u = 1.0 - uniform();  // in (0, 1]: the logarithm stays finite
  const double v = uniform();
  const double radius = std::sqrt(-2.0 * std::log(u));
  const double angle = 2.0 * std::numbers::pi * v;
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

}  // namespace smctrain
