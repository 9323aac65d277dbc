// From LightGBM's model text (version v4) to our tree arrays.
//
//   value <= threshold goes left in LightGBM, both float64. Our values are float32, for which that is the
//   same as value < the float32 next above the threshold: no digit is lost. missing   None: NaN counts as 0,
//   so that default_left is where 0 goes. NaN: default_left as stored. Zero: also
//             |x| <= 1e-35 is missing; all splits of a model are of that kind or none.
//   cover     rows that reached the node; gain as LightGBM prints it, 6 digits.
//
// Nodes are numbered breadth first, so that siblings are neighbours. Anything we do not expect (categories,
// linear leaves, averaged output, other versions) is refused, never guessed; lengths, ranges and the shape of
// every tree are checked before use.
#pragma once

#include <cstdint>
#include <string_view>

#include "smctrain/models/boosting/tree_ensemble.h"

namespace smctrain::models::boosting {

// The first `rounds` rounds, or all there are; `width` trees a round. base_margin is 0: LightGBM puts the
// start value into the first trees. Raises NativeLibraryError.
TreeArrays read_lightgbm_model(std::string_view text, int64_t n_features, int64_t n_classes, int64_t width,
                               int64_t rounds);

}  // namespace smctrain::models::boosting
