// Training matrices that several fits share: built by the first fit that needs one, read by all.
//
//   matrices   the training rows and the stop rows in the form one library trains on, with labels and weights
//   (which
//              both libraries keep inside the matrix). Never changed once built: boosters of several threads
//              read them at the same time.
//   key        the library's settings that are baked into the matrix, and rows, labels and weights of both
//   sets;
//              compared by content, so that a shared matrix is what the fit would have built itself.
//   bins       always from the training rows of the task alone; the stop rows are binned by them.
//
// A fit that finds its matrix being built by another one waits for it (and looks at its stop token
// meanwhile). A build that fails is forgotten and the next fit tries again.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/models/boosting/boosting_task.h"

namespace smctrain::models::boosting {

struct TrainingMatrices {
  TrainingMatrices() = default;
  TrainingMatrices(const TrainingMatrices&) = delete;
  TrainingMatrices& operator=(const TrainingMatrices&) = delete;
  virtual ~TrainingMatrices() = default;
  Sample train;  // without X, which is with the library
  Sample valid;
  bool has_validation() const { return valid.rows() > 0; }
};

using Matrices = std::shared_ptr<const TrainingMatrices>;

class MatrixCache {
 public:
  // Fits must bring this X: a matrix holds values, not where they came from.
  explicit MatrixCache(MatrixView<const float> X) : X_(X) {}

  // Raises InputError when X is another array.
  void check(MatrixView<const float> X) const;

  // `train` and `valid` are moved out of when something has to be built.
  Matrices get(const std::string& settings, Sample& train, Sample& valid, const StopToken& stop,
               const std::function<Matrices(Sample train, Sample valid)>& build);

  int64_t size() const;
  int64_t built() const;  // since the beginning
  // Fits that run keep theirs.
  void clear();

 private:
  struct Slot {
    std::string settings;
    Sample train;  // the key while it is being built
    Sample valid;
    Matrices matrices;
  };

  const MatrixView<const float> X_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Slot>> slots_;
  int64_t built_ = 0;
};

}  // namespace smctrain::models::boosting
