#include "smctrain/labels/first_touch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#if defined(__x86_64__) && defined(__GNUC__)
#define SMCTRAIN_X86 1
#include <immintrin.h>
#endif

namespace smctrain::labels {

namespace {

// From bar j on, one by one. On a NaN every comparison is false, and the bar counts as touched.
inline int64_t walk(const double* open, const double* high, const double* low, double below, double above,
                    int64_t j, int64_t last) {
  for (; j <= last; ++j) {
    if (!(low[j] > below && open[j] > below && high[j] < above && open[j] < above)) break;
  }
  return j;
}

void touch_baseline(const double* open, const double* high, const double* low, int64_t /*bars*/,
                    const Paths& paths, int64_t* touched) {
  for (int64_t i = 0; i < paths.count; ++i) {
    touched[i] = walk(open, high, low, paths.below[i], paths.above[i], paths.first[i], paths.last[i]);
  }
}

#ifdef SMCTRAIN_X86

// Both read 8 bars at a step: most paths end within them, and a step costs less than a wrong guess.

__attribute__((target("avx2"))) void touch_avx2(const double* open, const double* high, const double* low,
                                                int64_t bars, const Paths& paths, int64_t* touched) {
  for (int64_t i = 0; i < paths.count; ++i) {
    const double lower = paths.below[i];
    const double upper = paths.above[i];
    const __m256d below = _mm256_set1_pd(lower);
    const __m256d above = _mm256_set1_pd(upper);
    const int64_t last = paths.last[i];
    int64_t j = paths.first[i];
    for (;;) {
      if (j + 8 > bars) {
        j = walk(open, high, low, lower, upper, j, last);
        break;
      }
      const __m256d open0 = _mm256_loadu_pd(open + j);
      const __m256d open1 = _mm256_loadu_pd(open + j + 4);
      const __m256d clear0 = _mm256_and_pd(
          _mm256_and_pd(_mm256_cmp_pd(open0, below, _CMP_GT_OQ), _mm256_cmp_pd(open0, above, _CMP_LT_OQ)),
          _mm256_and_pd(_mm256_cmp_pd(_mm256_loadu_pd(low + j), below, _CMP_GT_OQ),
                        _mm256_cmp_pd(_mm256_loadu_pd(high + j), above, _CMP_LT_OQ)));
      const __m256d clear1 = _mm256_and_pd(
          _mm256_and_pd(_mm256_cmp_pd(open1, below, _CMP_GT_OQ), _mm256_cmp_pd(open1, above, _CMP_LT_OQ)),
          _mm256_and_pd(_mm256_cmp_pd(_mm256_loadu_pd(low + j + 4), below, _CMP_GT_OQ),
                        _mm256_cmp_pd(_mm256_loadu_pd(high + j + 4), above, _CMP_LT_OQ)));
      const auto clear = static_cast<unsigned>(_mm256_movemask_pd(clear0)) |
                         static_cast<unsigned>(_mm256_movemask_pd(clear1)) << 4;
      j += std::countr_one(clear);
      if (clear != 0xff || j > last) break;
    }
    touched[i] = std::min(j, last + 1);
  }
}

__attribute__((target("avx512f"))) void touch_avx512(const double* open, const double* high,
                                                     const double* low, int64_t bars, const Paths& paths,
                                                     int64_t* touched) {
  for (int64_t i = 0; i < paths.count; ++i) {
    const double lower = paths.below[i];
    const double upper = paths.above[i];
    const __m512d below = _mm512_set1_pd(lower);
    const __m512d above = _mm512_set1_pd(upper);
    const int64_t last = paths.last[i];
    int64_t j = paths.first[i];
    for (;;) {
      if (j + 8 > bars) {
        j = walk(open, high, low, lower, upper, j, last);
        break;
      }
      const __m512d opens = _mm512_loadu_pd(open + j);
      __mmask8 clear = _mm512_cmp_pd_mask(opens, below, _CMP_GT_OQ);
      clear = _mm512_mask_cmp_pd_mask(clear, opens, above, _CMP_LT_OQ);
      clear = _mm512_mask_cmp_pd_mask(clear, _mm512_loadu_pd(low + j), below, _CMP_GT_OQ);
      clear = _mm512_mask_cmp_pd_mask(clear, _mm512_loadu_pd(high + j), above, _CMP_LT_OQ);
      j += std::countr_one(static_cast<unsigned>(clear));
      if (clear != 0xff || j > last) break;
    }
    touched[i] = std::min(j, last + 1);
  }
}

#endif

struct Levels {
  std::array<FirstTouchLevel, 3> all{};
  size_t count = 0;
};

const Levels& levels() {
  static const Levels found = [] {
    Levels out;
    out.all[out.count++] = {"baseline", &touch_baseline};
#ifdef SMCTRAIN_X86
    if (__builtin_cpu_supports("avx2")) out.all[out.count++] = {"avx2", &touch_avx2};
    if (__builtin_cpu_supports("avx512f")) out.all[out.count++] = {"avx512", &touch_avx512};
#endif
    return out;
  }();
  return found;
}

}  // namespace

FirstTouch first_touch() {
  const Levels& found = levels();
  return found.all[found.count - 1].function;
}

std::span<const FirstTouchLevel> first_touch_levels() {
  const Levels& found = levels();
  return {found.all.data(), found.count};
}

}  // namespace smctrain::labels
