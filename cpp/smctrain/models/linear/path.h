// What regression fits return: one solution for each strength of the penalty, in the units of X.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace smctrain::models::linear {

struct PathResult {
  std::vector<double> alphas;      // in the order of fitting; fewer than asked for when stopped
  std::vector<double> coefs;       // alphas x d
  std::vector<double> intercepts;  // alphas
  std::vector<double> objective;   // value of the family's objective
  std::vector<double> gap;         // duality gap (coordinate descent), 0 for closed forms
  std::vector<int64_t> n_iter;     // sweeps (coordinate descent), 1 for closed forms
  int64_t rank = -1;               // of the centred columns, where the solver finds it
  std::string stop_reason;         // empty: complete
};

}  // namespace smctrain::models::linear
