// What can be tested without the library: its model buffer, its evaluation line, its version.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <string>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/ubjson.h"
#include "smctrain/models/boosting/xgboost_library.h"
#include "smctrain/models/boosting/xgboost_model.h"
#include "smctrain/models/boosting/xgboost_trainer.h"

using namespace smctrain;
using namespace smctrain::models::boosting;

namespace {

std::string big_endian(uint64_t value, int width) {
  std::string bytes;
  for (int i = width - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}
std::string length(size_t n) { return "L" + big_endian(n, 8); }
std::string key(const std::string& name) { return length(name.size()) + name; }
std::string text(const std::string& value) { return "S" + length(value.size()) + value; }
std::string floats(std::initializer_list<float> values) {
  std::string bytes = "[$d#" + length(values.size());
  for (const float value : values) bytes += big_endian(std::bit_cast<uint32_t>(value), 4);
  return bytes;
}
std::string ints(std::initializer_list<int32_t> values) {
  std::string bytes = "[$l#" + length(values.size());
  for (const int32_t value : values) bytes += big_endian(static_cast<uint32_t>(value), 4);
  return bytes;
}
std::string bytes(std::initializer_list<int> values) {
  std::string result = "[$U#" + length(values.size());
  for (const int value : values) result += static_cast<char>(value);
  return result;
}

// A stump on feature 1 of 2 as XGBoost 3 writes it, `trees` times.
std::string model(const std::string& base_score, int trees = 2, int split_type = 0) {
  const std::string tree = "{" + key("left_children") + ints({1, -1, -1}) + key("right_children") +
                           ints({2, -1, -1}) + key("split_indices") + ints({1, 0, 0}) + key("default_left") +
                           bytes({1, 0, 0}) + key("split_conditions") + floats({0.5F, -1.0F, 2.0F}) +
                           key("loss_changes") + floats({3.0F, 0.0F, 0.0F}) + key("sum_hessian") +
                           floats({10.0F, 4.0F, 6.0F}) + key("split_type") + bytes({split_type, 0, 0}) + "}";
  std::string info = "[#" + length(static_cast<size_t>(trees));
  std::string list = info;
  for (int t = 0; t < trees; ++t) {
    info += std::string("i") + '\0';
    list += tree;
  }
  return "{" + key("learner") + "{" + key("gradient_booster") + "{" + key("model") + "{" +
         key("gbtree_model_param") + "{" + key("num_parallel_tree") + text("1") + "}" + key("tree_info") +
         info + key("trees") + list + "}" + key("name") + text("gbtree") + "}" + key("learner_model_param") +
         "{" + key("base_score") + text(base_score) + key("num_feature") + text("2") + "}" + "}" + "}";
}

}  // namespace

TEST_CASE("XGBoost model: trees of the kept rounds arrive with their bits") {
  const auto parsed = read_xgboost_model(model("[5E-1]"), 2, 2, 1, 1);
  CHECK(parsed.n_trees() == 1);
  CHECK(parsed.feature == std::vector<int32_t>{1, -1, -1});
  CHECK(parsed.threshold == std::vector<float>{0.5F, 0.0F, 0.0F});
  CHECK(parsed.value == std::vector<double>{0.0, -1.0, 2.0});
  CHECK(parsed.default_left == std::vector<uint8_t>{1, 0, 0});
  CHECK(parsed.base_margin == std::vector<double>{0.0});
  CHECK(parsed.cover == std::vector<float>{10.0F, 4.0F, 6.0F});
  CHECK(parsed.gain == std::vector<float>{3.0F, 0.0F, 0.0F});
  CHECK(problem(parsed) == "");
  CHECK(read_xgboost_model(model("5E-1"), 2, 2, 1, 2).n_trees() == 2);
}

TEST_CASE("XGBoost model: base_score is read as scalar and as vector") {
  CHECK(parse_base_score("5E-1") == std::vector<float>{0.5F});
  CHECK(parse_base_score("[5E-1]") == std::vector<float>{0.5F});
  CHECK(parse_base_score("[4.8348904E-3,-1.5E0]") == std::vector<float>{4.8348904E-3F, -1.5F});
  for (const char* wrong : {"", "[]", "[1", "1,", "[nan]", "[1;2]", "[1e99]"}) {
    CHECK_THROWS_AS(parse_base_score(wrong), Error);
  }
}

TEST_CASE("XGBoost model: what we do not expect is refused") {
  CHECK_THROWS_AS(read_xgboost_model(model("[5E-1]"), 3, 2, 1, 1), Error);        // features
  CHECK_THROWS_AS(read_xgboost_model(model("[5E-1]"), 2, 2, 1, 3), Error);        // too few trees
  CHECK_THROWS_AS(read_xgboost_model(model("[5E-1]"), 2, 3, 3, 1), Error);        // classes
  CHECK_THROWS_AS(read_xgboost_model(model("[5E-1]", 1, 1), 2, 2, 1, 1), Error);  // categories
  CHECK_THROWS_AS(read_xgboost_model(model("[2E0]"), 2, 2, 1, 1), Error);         // no probability
}

TEST_CASE("XGBoost model: a buffer cut anywhere is an error and a flipped bit never more than one") {
  const std::string good = model("[5E-1]");
  for (size_t n = 0; n < good.size(); ++n) {
    CHECK_THROWS_AS(read_xgboost_model({good.data(), n}, 2, 2, 1, 2), Error);
  }
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = good;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      try {
        TreeEnsemble(read_xgboost_model(changed, 2, 2, 1, 2), "NativeLibraryError");
      } catch (const Error& error) {
        CHECK(error.type() == "NativeLibraryError");
      }
    }
  }
}

TEST_CASE("UBJSON: deep nesting is an error and no stack overflow") {
  const std::string deep(100000, '[');
  CHECK_THROWS_AS(UbjDocument{deep}, Error);
  const std::string vast = "[$d#L" + big_endian(uint64_t{1} << 62, 8);
  CHECK_THROWS_AS(UbjDocument{vast}, Error);
}

TEST_CASE("XGBoost evaluation: losses are read to the last digit whatever the locale") {
  const auto values =
      parse_evaluation("[9]\ttrain-mlogloss:0.26310000000000006\ttrain-merror:0.1\tvalid-mlogloss:nan");
  REQUIRE(values.size() == 3);
  CHECK(values[0] == 0.26310000000000006);
  CHECK(values[1] == 0.1);
  CHECK(std::isnan(values[2]));
  CHECK(std::isinf(parse_evaluation("[0]\ttrain-logloss:inf")[0]));
  CHECK(parse_evaluation("[0]").empty());
  CHECK_THROWS_AS(parse_evaluation("[0]\ttrain-logloss:0.1x"), Error);
  CHECK_THROWS_AS(parse_evaluation("[0]\ttrain-logloss"), Error);
}

TEST_CASE("XGBoost library: versions outside 3.1 to 3.x are refused with the one found") {
  CHECK_NOTHROW(check_xgboost_version(3, 1, 0));
  CHECK_NOTHROW(check_xgboost_version(3, 9, 2));
  for (const int major : {1, 2, 4}) CHECK_THROWS_AS(check_xgboost_version(major, 5, 0), Error);
  CHECK_THROWS_AS(check_xgboost_version(3, 0, 5), Error);
  try {
    check_xgboost_version(2, 1, 4);
  } catch (const Error& error) {
    CHECK(error.type() == "MissingDependency");
    CHECK(std::string(error.what()) ==
          "XGBoost families need xgboost >= 3.1, < 4 (found 2.1.4): pip install \"xgboost-cpu>=3.1,<4\"");
  }
}
