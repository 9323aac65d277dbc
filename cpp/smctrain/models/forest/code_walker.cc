#include "smctrain/models/forest/code_walker.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/models/forest/forest.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SMCTRAIN_CODES 1
#include <immintrin.h>
#endif

namespace smctrain::models {

namespace {

constexpr int kStripCuts = 254;
constexpr size_t kMaxStrips = 128;
constexpr uint16_t kLeaf = 0x8000;
constexpr uint8_t kMissingLeft = 0x80;
constexpr uint8_t kMissingCode = 255;
constexpr int kTopLevels = 6;
constexpr int kLevels = 4;

// How many of ascending values lie below x.
size_t count_below(const std::vector<float>& values, float x) {
  const float* at = values.data();
  for (size_t n = values.size(); n > 0;) {
    const size_t half = (n + 1) / 2;
    at += at[half - 1] < x ? half : 0;
    n -= half;
  }
  return static_cast<size_t>(at - values.data());
}

}  // namespace

// The strips of all columns, and the place of each node's threshold among them.
bool CodeWalker::make_strips(std::vector<Place>& places) {
  const auto d = static_cast<size_t>(state_.n_features);
  std::vector<std::vector<float>> cuts(d);
  const auto compact = [](std::vector<float>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
  };
  std::vector<size_t> room(d, 2048);  // so that values found often are not all kept
  for (size_t i = 0; i < state_.feature.size(); ++i) {
    if (state_.feature[i] < 0) continue;
    const auto column = static_cast<size_t>(state_.feature[i]);
    auto& values = cuts[column];
    values.push_back(state_.threshold[i]);
    if (values.size() < room[column]) continue;
    compact(values);
    room[column] = 2 * values.size() + 2048;
  }
  std::vector<size_t> first(d, 0);
  for (size_t j = 0; j < d; ++j) {
    compact(cuts[j]);
    first[j] = strips_.size();
    for (size_t begin = 0; begin < cuts[j].size(); begin += kStripCuts) {
      if (strips_.size() == kMaxStrips) return false;
      Strip& strip = strips_.emplace_back();
      strip.column = static_cast<int64_t>(j);
      strip.cuts.fill(std::numeric_limits<float>::infinity());
      const size_t n = std::min<size_t>(kStripCuts, cuts[j].size() - begin);
      std::copy_n(cuts[j].begin() + static_cast<int64_t>(begin), n, strip.cuts.begin());
    }
  }
  places.resize(state_.feature.size());
  for (size_t i = 0; i < places.size(); ++i) {
    if (state_.feature[i] < 0) continue;
    const auto column = static_cast<size_t>(state_.feature[i]);
    const size_t rank = count_below(cuts[column], state_.threshold[i]);
    places[i] = {static_cast<uint8_t>((first[column] + rank / kStripCuts) |
                                      (state_.missing_left[i] != 0 ? kMissingLeft : 0)),
                 static_cast<uint8_t>(rank % kStripCuts)};
  }
  return true;
}

namespace {

// Writes the top of the subtree below `node` into a block; further nodes come back through `below`.
template <int Levels, class Block, class Leaf, class Below, class Set>
void fill_block(const ForestState& state, size_t begin, int32_t node, size_t at, int level, Block& block,
                const Leaf& leaf, const Below& below, const Set& set) {
  const size_t i = begin + static_cast<size_t>(node);
  const bool is_leaf = state.feature[i] < 0;
  if (level == Levels) {
    block.exit[at - (size_t{1} << Levels)] = is_leaf ? leaf(i) : below(node);
    return;
  }
  set(i, is_leaf, at);
  const int32_t left = is_leaf ? node : state.left[i];
  const int32_t right = is_leaf ? node : left + 1;
  fill_block<Levels>(state, begin, left, 2 * at, level + 1, block, leaf, below, set);
  fill_block<Levels>(state, begin, right, 2 * at + 1, level + 1, block, leaf, below, set);
}

}  // namespace

bool CodeWalker::add_tree(size_t tree, const std::vector<Place>& places) {
  const auto begin = static_cast<size_t>(state_.node_start[tree]);
  if (state_.leaf_start[tree + 1] - state_.leaf_start[tree] >= kLeaf) return false;
  struct Waiting {
    int32_t node;
    int round;
  };
  std::vector<Waiting> waiting;
  int round = 0;
  const auto leaf = [&](size_t i) { return static_cast<uint16_t>(kLeaf | state_.left[i]); };
  const auto below = [&](int32_t node) {
    waiting.push_back({node, round + 1});
    return static_cast<uint16_t>(waiting.size() - 1);
  };
  const auto fill = [&]<int Levels>(auto& block, int32_t node) {
    block.strip.fill(0);
    block.rank.fill(kMissingCode);  // no code is above it
    fill_block<Levels>(state_, begin, node, 1, 0, block, leaf, below, [&](size_t i, bool is_leaf, size_t at) {
      block.strip[at] = is_leaf ? 0 : places[i].strip;
      block.rank[at] = is_leaf ? kMissingCode : places[i].rank;
    });
  };
  fill.template operator()<kTopLevels>(tops_.emplace_back(), 0);
  first_block_.push_back(static_cast<int64_t>(blocks_.size()));
  for (size_t k = 0; k < waiting.size(); ++k) {
    if (k >= kLeaf) return false;
    round = waiting[k].round;
    fill.template operator()<kLevels>(blocks_.emplace_back(), waiting[k].node);
  }
  rounds_.push_back(round);
  return true;
}

bool CodeWalker::prepare() {
  std::vector<Place> places;
  if (!make_strips(places)) return false;
  const size_t n_trees = state_.node_start.size() - 1;
  for (size_t tree = 0; tree < n_trees; ++tree) {
    if (!add_tree(tree, places)) return false;
  }
  return true;
}

#ifdef SMCTRAIN_CODES

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored \
    "-Wmaybe-uninitialized"  // of registers that GCC 12's own headers leave undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx512vbmi,bmi,bmi2,popcnt")

struct CodeWalkerKernels {
  static constexpr int kTile = CodeWalker::kTile;
  static constexpr size_t kMaxRows = 1024;

  // Codes of n rows, kTile at a time, row-major. Returns whether a value is missing.
  static bool encode(const CodeWalker& walker, const float* const* x, int n, size_t width, uint8_t* codes) {
    bool missing = false;
    alignas(64) float column[kTile];
    for (int first = 0; first < n; first += kTile) {
      for (size_t s = 0; s < walker.strips_.size(); ++s) {
        const CodeWalker::Strip& strip = walker.strips_[s];
        for (int i = 0; i < kTile; ++i) column[i] = x[std::min(first + i, n - 1)][strip.column];
        uint8_t* target = codes + static_cast<size_t>(first) * width + s;
        for (int i = 0; i < kTile; i += 16) {
          const __m512 value = _mm512_load_ps(column + i);
          __m512i at = _mm512_setzero_si512();
          const float* cuts = strip.cuts.data();
          // Every 16th cut lies in a register: four steps there, four in memory.
          const __m512 coarse = _mm512_i32gather_ps(
              _mm512_set_epi32(255, 239, 223, 207, 191, 175, 159, 143, 127, 111, 95, 79, 63, 47, 31, 15),
              cuts, 4);
          for (int step = 8; step > 0; step >>= 1) {
            const __m512i probe = _mm512_add_epi32(at, _mm512_set1_epi32(step - 1));
            const __m512 cut = _mm512_permutexvar_ps(probe, coarse);
            at = _mm512_mask_add_epi32(at, _mm512_cmp_ps_mask(cut, value, _CMP_LT_OQ), at,
                                       _mm512_set1_epi32(step));
          }
          at = _mm512_slli_epi32(at, 4);
          for (int step = 8; step > 0; step >>= 1) {
            const __m512 cut =
                _mm512_i32gather_ps(_mm512_add_epi32(at, _mm512_set1_epi32(step - 1)), cuts, 4);
            at = _mm512_mask_add_epi32(at, _mm512_cmp_ps_mask(cut, value, _CMP_LT_OQ), at,
                                       _mm512_set1_epi32(step));
          }
          const __mmask16 none = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
          missing |= none != 0;
          at = _mm512_mask_mov_epi32(at, none, _mm512_set1_epi32(kMissingCode));
          alignas(16) uint8_t found[16];
          _mm_store_si128(reinterpret_cast<__m128i*>(found), _mm512_cvtepi32_epi8(at));
          for (int lane = 0; lane < 16; ++lane) target[static_cast<size_t>(i + lane) * width] = found[lane];
        }
      }
    }
    return missing;
  }

  template <bool kWide>
  static __m512i values_of(const uint8_t* codes, __m512i strips) {
    const __m512i low = _mm512_load_si512(codes);
    if constexpr (!kWide) return _mm512_permutexvar_epi8(strips, low);
    return _mm512_permutex2var_epi8(low, strips, _mm512_load_si512(codes + 64));
  }

  // Leaves of kTile rows in one tree.
  template <bool kWide, bool kMissing>
  static void walk(const CodeWalker::TopBlock& top, const CodeWalker::Block* blocks, int rounds,
                   const uint8_t* codes, uint16_t* leaves) {
    constexpr size_t kWidth = kWide ? 128 : 64;
    alignas(64) uint64_t words[kTile];
    const __m512i strips = _mm512_load_si512(top.strip.data());
    const __m512i ranks = _mm512_load_si512(top.rank.data());
    const __m512i missing_code = _mm512_set1_epi8(static_cast<char>(kMissingCode));
    const __mmask64 top_missing_left = _mm512_movepi8_mask(strips);
    for (int i = 0; i < kTile; ++i) {
      const __m512i values = values_of<kWide>(codes + static_cast<size_t>(i) * kWidth, strips);
      __mmask64 right = _mm512_cmpgt_epu8_mask(values, ranks);
      if constexpr (kMissing) right &= ~(_mm512_cmpeq_epu8_mask(values, missing_code) & top_missing_left);
      words[i] = right;
    }
    alignas(64) uint16_t at[kTile];
    const __m512i one = _mm512_set1_epi64(1);
    const __m512i exits_0 = _mm512_load_si512(top.exit.data());
    const __m512i exits_1 = _mm512_load_si512(top.exit.data() + 32);
    for (int i = 0; i < kTile; i += 8) {
      const __m512i word = _mm512_load_si512(words + i);
      __m512i node = one;
#pragma GCC unroll 6
      for (int level = 0; level < kTopLevels; ++level) {
        const __m512i bit = _mm512_and_si512(_mm512_srlv_epi64(word, node), one);
        node = _mm512_add_epi64(_mm512_add_epi64(node, node), bit);
      }
      const __m512i found = _mm512_permutex2var_epi16(exits_0, node, exits_1);  // takes the lower 6 bits
      _mm_store_si128(reinterpret_cast<__m128i*>(at + i), _mm512_cvtepi64_epi16(found));
    }
    alignas(64) uint16_t index[kTile];
    alignas(64) uint16_t bits[kTile];
    alignas(64) uint16_t exits[kTile];
    const __m512i one_16 = _mm512_set1_epi16(1);
    for (int round = 0; round < rounds; ++round) {
      __m512i now[2];
      __mmask32 leaf[2];
      for (int half = 0; half < 2; ++half) {
        now[half] = _mm512_load_si512(at + 32 * half);
        leaf[half] = _mm512_movepi16_mask(now[half]);
        _mm512_store_si512(index + 32 * half,
                           _mm512_maskz_mov_epi16(static_cast<__mmask32>(~leaf[half]), now[half]));
      }
      if ((leaf[0] & leaf[1]) == 0xFFFFFFFFU) break;
#pragma GCC unroll 4
      for (int i = 0; i < kTile; ++i) {
        const CodeWalker::Block& block = blocks[index[i]];
        const __m128i strip = _mm_load_si128(reinterpret_cast<const __m128i*>(block.strip.data()));
        const __m128i rank = _mm_load_si128(reinterpret_cast<const __m128i*>(block.rank.data()));
        const __m128i values = _mm512_castsi512_si128(
            values_of<kWide>(codes + static_cast<size_t>(i) * kWidth, _mm512_castsi128_si512(strip)));
        __mmask16 right = _mm_cmpgt_epu8_mask(values, rank);
        if constexpr (kMissing) {
          right = static_cast<__mmask16>(
              right &
              ~(_mm_cmpeq_epu8_mask(values, _mm512_castsi512_si128(missing_code)) & _mm_movepi8_mask(strip)));
        }
        bits[i] = right;
      }
      for (int half = 0; half < 2; ++half) {
        const __m512i word = _mm512_load_si512(bits + 32 * half);
        __m512i node = one_16;
#pragma GCC unroll 4
        for (int level = 0; level < kLevels; ++level) {
          const __m512i bit = _mm512_and_si512(_mm512_srlv_epi16(word, node), one_16);
          node = _mm512_add_epi16(_mm512_add_epi16(node, node), bit);
        }
        _mm512_store_si512(bits + 32 * half, node);
      }
      for (int i = 0; i < kTile; ++i) exits[i] = blocks[index[i]].exit[bits[i] & 15];
      for (int half = 0; half < 2; ++half) {
        const __m512i next = _mm512_load_si512(exits + 32 * half);
        _mm512_store_si512(at + 32 * half, _mm512_mask_mov_epi16(next, leaf[half], now[half]));
      }
    }
    for (int half = 0; half < 2; ++half) {
      _mm512_store_si512(leaves + 32 * half,
                         _mm512_and_si512(_mm512_load_si512(at + 32 * half), _mm512_set1_epi16(0x7FFF)));
    }
  }

  // sums: kTile rows of `stride` doubles. K: classes, 0 = ask at run time.
  template <int K>
  static void add(const double* share, const uint16_t* leaves, int64_t k, int64_t stride, double* sums) {
    if constexpr (K == 3) {
      for (int i = 0; i < kTile; ++i) {
        const __m256d value = _mm256_maskz_loadu_pd(7, share + leaves[i] * 3);
        _mm256_store_pd(sums + i * 4, _mm256_add_pd(_mm256_load_pd(sums + i * 4), value));
      }
      return;
    }
    if constexpr (K == 2) {
      for (int i = 0; i < kTile; ++i) {
        const __m128d value = _mm_loadu_pd(share + leaves[i] * 2);
        _mm_store_pd(sums + i * 2, _mm_add_pd(_mm_load_pd(sums + i * 2), value));
      }
      return;
    }
    const int64_t classes = K > 0 ? K : k;
    for (int i = 0; i < kTile; ++i) {
      const double* value = share + leaves[i] * classes;
      for (int64_t c = 0; c < classes; ++c) sums[i * stride + c] += value[c];
    }
  }

  template <bool kWide, bool kMissing>
  static void run(const CodeWalker& walker, const uint8_t* codes, int tiles, int64_t stride, double* sums) {
    const ForestState& state = walker.state_;
    const int64_t k = state.n_classes;
    alignas(64) uint16_t leaves[kTile];
    for (size_t tree = 0; tree < walker.tops_.size(); ++tree) {
      const CodeWalker::Block* blocks = walker.blocks_.data() + walker.first_block_[tree];
      const double* share = state.leaf_share.data() + state.leaf_start[tree] * k;
      for (int tile = 0; tile < tiles; ++tile) {
        walk<kWide, kMissing>(walker.tops_[tree], blocks, walker.rounds_[tree],
                              codes + static_cast<size_t>(tile * kTile) * (kWide ? 128 : 64), leaves);
        double* target = sums + tile * kTile * stride;
        switch (k) {
          case 1:
            add<1>(share, leaves, k, stride, target);
            break;
          case 2:
            add<2>(share, leaves, k, stride, target);
            break;
          case 3:
            add<3>(share, leaves, k, stride, target);
            break;
          default:
            add<0>(share, leaves, k, stride, target);
            break;
        }
      }
    }
  }
};

#pragma GCC pop_options
#pragma GCC diagnostic pop

namespace {

struct alignas(64) Line {
  std::array<uint8_t, 64> bytes;
};

}  // namespace

bool CodeWalker::machine_suits() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi2");
}

std::unique_ptr<const CodeWalker> CodeWalker::make(const ForestState& state) {
  if (!machine_suits()) return nullptr;
  auto walker = std::unique_ptr<CodeWalker>(new CodeWalker(state));
  return walker->prepare() ? std::move(walker) : nullptr;
}

void CodeWalker::add_leaves(const float* const* x, int n, double* out) const {
  const bool wide = strips_.size() > 64;
  const size_t width = wide ? 128 : 64;
  const int tiles = (n + kTile - 1) / kTile;
  const auto rows = static_cast<size_t>(tiles * kTile);
  const int64_t k = state_.n_classes;
  const int64_t stride = k == 3 ? 4 : k;
  std::vector<Line> codes(rows * width / sizeof(Line));
  std::vector<Line> sums((rows * static_cast<size_t>(stride) * sizeof(double) + sizeof(Line) - 1) /
                         sizeof(Line));
  uint8_t* code = codes.data()->bytes.data();
  auto* sum = reinterpret_cast<double*>(sums.data());
  for (int64_t i = 0; i < n; ++i) std::copy_n(out + i * k, k, sum + i * stride);
  const bool missing = CodeWalkerKernels::encode(*this, x, n, width, code);
  const auto run =
      wide ? (missing ? &CodeWalkerKernels::run<true, true> : &CodeWalkerKernels::run<true, false>)
           : (missing ? &CodeWalkerKernels::run<false, true> : &CodeWalkerKernels::run<false, false>);
  run(*this, code, tiles, stride, sum);
  for (int64_t i = 0; i < n; ++i) std::copy_n(sum + i * stride, k, out + i * k);
}

#else

bool CodeWalker::machine_suits() { return false; }
std::unique_ptr<const CodeWalker> CodeWalker::make(const ForestState&) { return nullptr; }
void CodeWalker::add_leaves(const float* const*, int, double*) const {}

#endif

}  // namespace smctrain::models
