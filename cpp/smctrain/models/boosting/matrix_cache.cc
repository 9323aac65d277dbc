#include "smctrain/models/boosting/matrix_cache.h"

#include <algorithm>
#include <chrono>

#include "smctrain/base/error.h"

namespace smctrain::models::boosting {

namespace {

bool equal(const Sample& a, const Sample& b) {
  return a.from == b.from && a.y == b.y && a.weight == b.weight;
}

}  // namespace

void MatrixCache::check(MatrixView<const float> X) const {
  if (X.data == X_.data && X.rows == X_.rows && X.cols == X_.cols && X.row_stride == X_.row_stride) return;
  raise("InputError", "shared matrices belong to one X, of ", X_.rows, " rows and ", X_.cols,
        " columns, but the task brings another array of ", X.rows, " rows and ", X.cols,
        " columns: make one object per X.");
}

Matrices MatrixCache::get(const std::string& settings, Sample& train, Sample& valid, const StopToken& stop,
                          const std::function<Matrices(Sample train, Sample valid)>& build) {
  auto mine = std::make_shared<Slot>();
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const std::shared_ptr<Slot>& slot) {
      const Sample& t = slot->matrices ? slot->matrices->train : slot->train;
      const Sample& v = slot->matrices ? slot->matrices->valid : slot->valid;
      return slot->settings == settings && equal(t, train) && equal(v, valid);
    });
    if (found == slots_.end()) break;
    if ((*found)->matrices) return (*found)->matrices;
    changed_.wait_for(lock, std::chrono::milliseconds(10));
    poll(stop);
  }
  mine->settings = settings;
  mine->train = train;
  mine->valid = valid;
  slots_.push_back(mine);
  lock.unlock();
  Matrices matrices;
  try {
    matrices = build(std::move(train), std::move(valid));
  } catch (...) {
    lock.lock();
    std::erase(slots_, mine);
    changed_.notify_all();
    throw;
  }
  lock.lock();
  mine->matrices = matrices;
  mine->train = {};
  mine->valid = {};
  ++built_;
  changed_.notify_all();
  return matrices;
}

int64_t MatrixCache::size() const {
  const std::scoped_lock lock(mutex_);
  return std::count_if(slots_.begin(), slots_.end(),
                       [](const auto& slot) { return slot->matrices != nullptr; });
}

int64_t MatrixCache::built() const {
  const std::scoped_lock lock(mutex_);
  return built_;
}

void MatrixCache::clear() {
  const std::scoped_lock lock(mutex_);
  std::erase_if(slots_, [](const auto& slot) { return slot->matrices != nullptr; });
}

}  // namespace smctrain::models::boosting
