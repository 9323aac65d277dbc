// Settings of a network fit: value types that say everything that is wrong with them at once.
//
//   shape      what is built: family, sizes of the layers, window length, number of classes
//   lookback   rows of one window, the decision row included (1 for the MLP)
//   plateau    epochs without a better validation loss; after kPlateauEpochs the rate is halved, if asked for
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "smctrain/base/error.h"

namespace smctrain::models::neural {

enum class NetKind { kMlp, kLstm };

constexpr int kPlateauEpochs = 3;
constexpr int64_t kMinRows = 4;  // fewer training rows than this are TooFewRows

struct NetShape {
  NetKind kind = NetKind::kMlp;
  int64_t n_features = 0;
  std::vector<int64_t> hidden;  // MLP: one entry a block. LSTM: one entry a layer.
  int64_t lookback = 1;
  int64_t n_classes = 0;

  std::vector<std::string> validate() const {
    std::vector<std::string> errors;
    if (n_features < 1 || n_features > 1'000'000)
      errors.push_back(format("n_features must be 1 to 1,000,000, but is ", n_features));
    if (hidden.empty() || hidden.size() > 64)
      errors.push_back(format("there must be 1 to 64 hidden layers, but there are ", hidden.size()));
    for (const int64_t width : hidden) {
      if (width < 1 || width > 65'536)
        errors.push_back(format("a hidden layer must be 1 to 65,536 wide, but is ", width));
    }
    if (lookback < 1 || lookback > 10'000)
      errors.push_back(format("lookback must be 1 to 10,000, but is ", lookback));
    if (kind == NetKind::kMlp && lookback != 1)
      errors.push_back(format("lookback of an MLP must be 1, but is ", lookback));
    if (n_classes < 2 || n_classes > 10'000)
      errors.push_back(format("n_classes must be 2 to 10,000, but is ", n_classes));
    return errors;
  }
};

struct TrainingSettings {
  double dropout = 0.0;
  double weight_decay = 0.0;
  double label_smoothing = 0.0;
  double learning_rate = 0.001;
  int64_t batch_size = 64;
  int64_t max_epochs = 50;
  int64_t patience = 8;
  double min_delta = 0.0;
  double clip_norm = 1.0;  // 0 switches clipping off
  bool balanced = true;    // class weights n / (classes present x rows of the class)
  bool halve_on_plateau = false;

  std::vector<std::string> validate() const {
    std::vector<std::string> errors;
    const auto need = [&errors](bool ok, const char* rule, double value) {
      if (!ok) errors.push_back(format(rule, ", but is ", value));
    };
    need(dropout >= 0.0 && dropout < 1.0, "dropout must be at least 0 and below 1", dropout);
    need(weight_decay >= 0.0 && std::isfinite(weight_decay), "weight_decay must be at least 0", weight_decay);
    need(label_smoothing >= 0.0 && label_smoothing < 1.0, "label_smoothing must be at least 0 and below 1",
         label_smoothing);
    need(learning_rate > 0.0 && std::isfinite(learning_rate), "learning_rate must be above 0", learning_rate);
    need(batch_size >= 2 && batch_size <= 1'000'000, "batch_size must be 2 to 1,000,000",
         static_cast<double>(batch_size));
    need(max_epochs >= 1, "max_epochs must be at least 1", static_cast<double>(max_epochs));
    need(patience >= 1, "patience must be at least 1", static_cast<double>(patience));
    need(min_delta >= 0.0 && std::isfinite(min_delta), "min_delta must be at least 0", min_delta);
    need(clip_norm >= 0.0 && std::isfinite(clip_norm), "clip_norm must be at least 0 (0: no clipping)",
         clip_norm);
    return errors;
  }
};

// Raises one InputError that lists all errors.
inline void require_valid(const std::vector<std::string>& errors) {
  if (errors.empty()) return;
  std::string text;
  for (const auto& error : errors) text += (text.empty() ? "" : "; ") + error;
  raise("InputError", text, ".");
}

}  // namespace smctrain::models::neural
