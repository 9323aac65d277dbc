// One owner per handle type of XGBoost's C interface. A handle is never null: creation checks the return
// code.
#pragma once

#include "smctrain/models/boosting/xgboost_library.h"

namespace smctrain::models::boosting {

template <int (*XGBoostLibrary::*Free)(XGBHandle)>
class XGBOwner {
 public:
  XGBOwner(const XGBoostLibrary& library, XGBHandle handle) : library_(&library), handle_(handle) {}
  XGBOwner(const XGBOwner&) = delete;
  XGBOwner& operator=(const XGBOwner&) = delete;
  XGBOwner(XGBOwner&& other) noexcept : library_(other.library_), handle_(other.handle_) {
    other.handle_ = nullptr;
  }
  XGBOwner& operator=(XGBOwner&&) = delete;
  ~XGBOwner() {
    if (handle_ != nullptr) (library_->*Free)(handle_);
  }

  XGBHandle get() const { return handle_; }

 private:
  const XGBoostLibrary* library_;
  XGBHandle handle_;
};

using DMatrix = XGBOwner<&XGBoostLibrary::XGDMatrixFree>;
using Booster = XGBOwner<&XGBoostLibrary::XGBoosterFree>;

}  // namespace smctrain::models::boosting
