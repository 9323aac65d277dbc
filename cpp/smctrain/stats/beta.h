// Regularised incomplete beta function and the tails that follow from it.
//
// Continued fraction by Lentz's method (DLMF 8.17.22), on the side where it converges fast; about 1e-13
// relative for the arguments of tests (a, b up to 1e7). Cost: tens of steps.
#pragma once

#include <cstdint>

namespace smctrain::stats {

// I_x(a, b); a, b > 0, x in [0, 1].
double incomplete_beta(double a, double b, double x);

// P(F > f) of the F distribution; 0 for infinite f.
double f_survival(double f, double df1, double df2);

// Two-sided p of k successes in n fair trials: twice the smaller tail, at most 1.
double fair_coin_p(int64_t k, int64_t n);

}  // namespace smctrain::stats
