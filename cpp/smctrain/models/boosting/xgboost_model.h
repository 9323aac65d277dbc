// From XGBoost's model buffer (UBJSON) to our tree arrays. Only the first `rounds` rounds are kept.
//
// base_score is the text of a vector since 3.1 ("[4.9E-1]") and of a scalar before; both are read. For two
// classes it is a probability and becomes a margin by the logit, in float32 as XGBoost does; otherwise it is
// a margin already. Anything we do not expect (categories, other boosters, several parallel trees) is
// refused, never guessed.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "smctrain/models/boosting/tree_ensemble.h"

namespace smctrain::models::boosting {

// `width` is the number of margins: of a regression (n_classes 0) one for each output.
TreeArrays read_xgboost_model(std::span<const char> buffer, int64_t n_features, int64_t n_classes,
                              int64_t width, int64_t rounds);

// "[1.5E0,2E-1]" or "5E-1".
std::vector<float> parse_base_score(std::string_view text);

}  // namespace smctrain::models::boosting
