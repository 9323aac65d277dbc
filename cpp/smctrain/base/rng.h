// Seeded random streams: Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011).
//
//   stream   one independent sequence, addressed by (seed, purpose). Purposes are strings such as
//            "EURUSD/fold3/tree17", hashed by FNV-1a-64, so results do not depend on thread count or order.
//
// The sequence equals numpy.random.Philox(key=[seed, purpose]): the counter is incremented before each block.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace smctrain {

constexpr uint64_t fnv1a64(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash ^= static_cast<uint8_t>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

class Philox {
 public:
  Philox(uint64_t seed, uint64_t purpose) : key_{seed, purpose} {}
  Philox(uint64_t seed, std::string_view purpose) : Philox(seed, fnv1a64(purpose)) {}

  uint64_t next() {
    if (used_ == 4) {
      refill();
    }
    return block_[used_++];
  }
  // Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  // Uniform integer in [0, m).
  int64_t below(int64_t m) { return static_cast<int64_t>(uniform() * static_cast<double>(m)); }
  // Standard normal (Box-Muller, pairs cached).
  double normal();

 private:
  void refill();

  std::array<uint64_t, 2> key_;
  std::array<uint64_t, 4> counter_{0, 0, 0, 0};
  std::array<uint64_t, 4> block_{};
  int used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0.0;
};

}  // namespace smctrain
