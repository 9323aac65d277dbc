#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/lightgbm_model.h"

using namespace smctrain;
using namespace smctrain::models::boosting;

namespace {

// Two trees on two features as LightGBM 4 writes them: three leaves, and one leaf only.
std::string model(const std::string& decision = "2 8", const std::string& cat = "0") {
  return "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n"
         "objective=regression\nfeature_names=a b\nfeature_infos=none none\ntree_sizes=1 1\n\n"
         "Tree=0\nnum_leaves=3\nnum_cat=" +
         cat + "\nsplit_feature=1 0\nsplit_gain=5 2.5\nthreshold=0.5 1.0000000180025095e-35\ndecision_type=" +
         decision +
         "\nleft_child=1 -1\nright_child=-2 -3\nleaf_value=-1.5 2 0.25\nleaf_weight=1 1 1\nleaf_count=4 6 "
         "10\n"
         "internal_value=0 0\ninternal_weight=1 1\ninternal_count=20 14\nis_linear=0\nshrinkage=0.1\n\n\n"
         "Tree=1\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nleaf_value=0.125\nis_linear=0\nshrinkage=1\n\n\n"
         "end of trees\n\nfeature_importances:\na=1\n";
}

}  // namespace

TEST_CASE("LightGBM model: trees arrive breadth first with their values and kinds of missing values") {
  const auto parsed = read_lightgbm_model(model(), 2, 0, 1, 2);
  CHECK(problem(parsed) == "");
  CHECK(parsed.feature == std::vector<int32_t>{1, 0, -1, -1, -1, -1});
  CHECK(parsed.left == std::vector<int32_t>{1, 3, -1, -1, -1, -1});
  CHECK(parsed.value == std::vector<double>{0, 0, 2, -1.5, 0.25, 0.125});
  CHECK(parsed.cover == std::vector<float>{20, 14, 6, 4, 10, 1});
  CHECK(parsed.gain == std::vector<float>{5, 2.5, 0, 0, 0, 0});
  CHECK(parsed.default_left == std::vector<uint8_t>{1, 0, 0, 0, 0, 0});  // none: 0 <= 0.5; NaN: as stored
  CHECK(parsed.tree_offset == std::vector<int64_t>{0, 5, 6});
  CHECK(read_lightgbm_model(model(), 2, 0, 1, 1).n_trees() == 1);
  CHECK(read_lightgbm_model(model(), 2, 0, 1, 9).n_trees() == 2);
}

TEST_CASE("LightGBM model: a float at the threshold goes left and the next one right") {
  const TreeEnsemble trees(read_lightgbm_model(model(), 2, 0, 1, 1), "NativeLibraryError");
  const float half = 0.5F;
  const std::vector<float> X{1.0F, half,   1.0F, std::nextafter(half, 1.0F), 0.0F, 0.0F, 1e-35F,
                             0.0F, 2e-35F, 0.0F};
  const std::vector<int64_t> rows{0, 1, 2, 3, 4};
  CHECK(trees.margins({X.data(), 5, 2, 2}, rows) == std::vector<double>{0.25, 2.0, -1.5, -1.5, 0.25});
}

TEST_CASE("LightGBM model: what we do not expect is refused") {
  CHECK_THROWS_AS(read_lightgbm_model(model(), 3, 0, 1, 1), Error);            // features
  CHECK_THROWS_AS(read_lightgbm_model(model(), 2, 3, 3, 1), Error);            // trees a round
  CHECK_THROWS_AS(read_lightgbm_model(model("3 8"), 2, 0, 1, 1), Error);       // a categorical split
  CHECK_THROWS_AS(read_lightgbm_model(model("2 8", "1"), 2, 0, 1, 1), Error);  // categories
  CHECK_THROWS_AS(read_lightgbm_model(model("4 8"), 2, 0, 1, 1), Error);  // zero missing in one split only
  CHECK(read_lightgbm_model(model("4 6"), 2, 0, 1, 1).zero_is_missing);
}

TEST_CASE("LightGBM model: a text cut anywhere or with any byte changed is an error or a valid model") {
  const std::string good = model();
  const size_t needed = good.find("end of trees");
  const auto attempt = [](const std::string& text) {
    try {
      TreeEnsemble(read_lightgbm_model(text, 2, 0, 1, 2), "NativeLibraryError");
      return true;
    } catch (const Error& error) {
      CHECK(error.type() == "NativeLibraryError");
      return false;
    }
  };
  for (size_t n = 0; n < needed - 60; ++n) CHECK_FALSE(attempt(good.substr(0, n)));
  for (size_t i = 0; i < needed; ++i) {
    for (const char c : {'9', '-', ' ', '=', '\n', 'x', '\0'}) {
      std::string changed = good;
      changed[i] = c;
      attempt(changed);
    }
  }
}
