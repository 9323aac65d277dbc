// Body of the kernels of matmul.h, for one vector type. Included once per SIMD level, inside that file's
// unnamed namespace, after Vec (load, store, both also masked; splat; fma), Mask, mask_of, kLanes, kRows and
// kVectors.

constexpr int64_t kBlock = 128;    // along k
constexpr int64_t kPackRows = 48;  // from so many rows of A on, a panel of B is copied together first
constexpr int64_t kPanel = kLanes * kVectors;

// op(A) is read at a[row * row_step + p * k_step].
struct Tile {
  const float* a;
  int64_t row_step;
  int64_t k_step;
  const float* b;
  int64_t b_step;
  float* c;
  int64_t c_step;
  const float* bias;  // null: none
  bool keep;          // begin with what C holds
  int64_t k;
  Mask mask;  // of the last vector
};

template <int R, int N, bool kMasked>
void run_tile(const Tile& t) {
  Vec sums[R][N];
  const auto fetch = [&t](const float* from, int v) __attribute__((always_inline)) {
    return kMasked && v == N - 1 ? load_masked(from + v * kLanes, t.mask) : load(from + v * kLanes);
  };
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v) {
      sums[r][v] = t.keep ? fetch(t.c + r * t.c_step, v) : t.bias != nullptr ? fetch(t.bias, v) : splat(0.0F);
    }
  }
  const float* a = t.a;
  const float* b = t.b;
  for (int64_t p = 0; p < t.k; ++p) {
    Vec row[N];
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v) row[v] = fetch(b, v);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vec x = splat(a[r * t.row_step]);
#pragma GCC unroll 4
      for (int v = 0; v < N; ++v) sums[r][v] = fma(x, row[v], sums[r][v]);
    }
    a += t.k_step;
    b += t.b_step;
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v) {
      float* to = t.c + r * t.c_step + v * kLanes;
      if (kMasked && v == N - 1) {
        store_masked(to, sums[r][v], t.mask);
      } else {
        store(to, sums[r][v]);
      }
    }
  }
}

template <int N, bool kMasked>
void run_rows(int64_t rows, const Tile& t) {
  static_assert(kRows == 6);
  switch (rows) {
    case 1:
      return run_tile<1, N, kMasked>(t);
    case 2:
      return run_tile<2, N, kMasked>(t);
    case 3:
      return run_tile<3, N, kMasked>(t);
    case 4:
      return run_tile<4, N, kMasked>(t);
    case 5:
      return run_tile<5, N, kMasked>(t);
    default:
      return run_tile<6, N, kMasked>(t);
  }
}

template <bool kMasked>
void run_any(int64_t rows, int64_t vectors, const Tile& t) {
  if (vectors == 1) return run_rows<1, kMasked>(rows, t);
  if (vectors == 2) return run_rows<2, kMasked>(rows, t);
  if constexpr (kVectors == 4) {
    if (vectors == 3) return run_rows<3, kMasked>(rows, t);
    return run_rows<4, kMasked>(rows, t);
  }
}

// Four rows of four, transposed.
void transpose_4x4(const float* from, int64_t step, float* to) {
  __m128 r0 = _mm_loadu_ps(from);
  __m128 r1 = _mm_loadu_ps(from + step);
  __m128 r2 = _mm_loadu_ps(from + 2 * step);
  __m128 r3 = _mm_loadu_ps(from + 3 * step);
  _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
  _mm_storeu_ps(to, r0);
  _mm_storeu_ps(to + kPanel, r1);
  _mm_storeu_ps(to + 2 * kPanel, r2);
  _mm_storeu_ps(to + 3 * kPanel, r3);
}

// panel[p * kPanel + j] = b[j * step + p] for `cols` rows j of B; columns beyond are left as they are.
void pack_transposed(const float* b, int64_t step, int64_t cols, int64_t k, float* panel) {
  int64_t j = 0;
  for (; j + 4 <= cols; j += 4) {
    int64_t p = 0;
    for (; p + 4 <= k; p += 4) transpose_4x4(b + j * step + p, step, panel + p * kPanel + j);
    for (; p < k; ++p) {
      for (int64_t i = j; i < j + 4; ++i) panel[p * kPanel + i] = b[i * step + p];
    }
  }
  for (; j < cols; ++j) {
    for (int64_t p = 0; p < k; ++p) panel[p * kPanel + j] = b[j * step + p];
  }
}

void pack_plain(const float* b, int64_t step, int64_t cols, int64_t k, float* panel) {
  for (int64_t p = 0; p < k; ++p) {
    int64_t j = 0;
    for (; j + kLanes <= cols; j += kLanes) store(panel + p * kPanel + j, load(b + p * step + j));
    for (; j < cols; ++j) panel[p * kPanel + j] = b[p * step + j];
  }
}

void run_product(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
                 Start start, const float* bias, float* c) {
  alignas(64) static thread_local float panel[kBlock * kPanel];
  const bool a_plain = op_a == Op::kPlain;
  const bool b_plain = op_b == Op::kPlain;
  Tile t{};
  t.row_step = a_plain ? k : 1;
  t.k_step = a_plain ? 1 : m;
  t.c_step = n;
  const bool pack = !b_plain || (m >= kPackRows && n > kPanel);
  for (int64_t k0 = 0; k0 == 0 || k0 < k; k0 += kBlock) {
    t.k = k - k0 < kBlock ? k - k0 : kBlock;
    t.keep = k0 > 0 || start == Start::kKeep;
    for (int64_t j0 = 0; j0 < n; j0 += kPanel) {
      const int64_t cols = n - j0 < kPanel ? n - j0 : kPanel;
      const int64_t vectors = (cols + kLanes - 1) / kLanes;
      const int64_t rest = cols % kLanes;
      t.mask = mask_of(rest);
      t.bias = start == Start::kBias ? bias + j0 : nullptr;
      if (pack) {
        if (b_plain) {
          pack_plain(b + k0 * n + j0, n, cols, t.k, panel);
        } else {
          pack_transposed(b + j0 * k + k0, k, cols, t.k, panel);
        }
        t.b = panel;
        t.b_step = kPanel;
      } else {
        t.b = b + k0 * n + j0;
        t.b_step = n;
      }
      for (int64_t i0 = 0; i0 < m; i0 += kRows) {
        const int64_t rows = m - i0 < kRows ? m - i0 : kRows;
        t.a = a + i0 * t.row_step + k0 * t.k_step;
        t.c = c + i0 * n + j0;
        if (rest == 0) {
          run_any<false>(rows, vectors, t);
        } else {
          run_any<true>(rows, vectors, t);
        }
      }
    }
  }
}
