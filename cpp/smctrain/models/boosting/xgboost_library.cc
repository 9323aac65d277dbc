#include "smctrain/models/boosting/xgboost_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

#include "smctrain/base/error.h"

namespace smctrain::models::boosting {

namespace {

constexpr const char* kInstall = "pip install \"xgboost-cpu>=3.1,<4\"";

template <class Function>
void resolve(void* handle, const char* name, Function& function, std::string& missing) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
  if (function == nullptr) missing += (missing.empty() ? "" : ", ") + std::string(name);
}

std::unique_ptr<XGBoostLibrary> load(const std::string& path) {
  if (!std::filesystem::path(path).is_absolute()) {
    raise("InputError", "the path of XGBoost's library must be absolute, but is '", path, "'.");
  }
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    raise("MissingDependency", "XGBoost families need xgboost >= 3.1, < 4, but its library '", path,
          "' does not exist: ", kInstall);
  }
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    raise("MissingDependency", "XGBoost's library '", path, "' cannot be opened (",
          reason == nullptr ? "no reason given" : reason, "): ", kInstall);
  }
  auto library = std::make_unique<XGBoostLibrary>();
  std::string missing;
  resolve(handle, "XGBoostVersion", library->XGBoostVersion, missing);
  // The version first: an older library lacks symbols because it is old, and that is the useful answer.
  if (missing.empty()) {
    int major = 0;
    int minor = 0;
    int patch = 0;
    library->XGBoostVersion(&major, &minor, &patch);
    check_xgboost_version(major, minor, patch);
    library->version = format(major, ".", minor, ".", patch);
  }
#define SMCTRAIN_RESOLVE(name) resolve(handle, #name, library->name, missing)
  SMCTRAIN_RESOLVE(XGBGetLastError);
  SMCTRAIN_RESOLVE(XGBSetGlobalConfig);
  SMCTRAIN_RESOLVE(XGDMatrixCreateFromDense);
  SMCTRAIN_RESOLVE(XGProxyDMatrixCreate);
  SMCTRAIN_RESOLVE(XGProxyDMatrixSetDataDense);
  SMCTRAIN_RESOLVE(XGQuantileDMatrixCreateFromCallback);
  SMCTRAIN_RESOLVE(XGDMatrixSetInfoFromInterface);
  SMCTRAIN_RESOLVE(XGDMatrixFree);
  SMCTRAIN_RESOLVE(XGBoosterCreate);
  SMCTRAIN_RESOLVE(XGBoosterFree);
  SMCTRAIN_RESOLVE(XGBoosterSetParam);
  SMCTRAIN_RESOLVE(XGBoosterUpdateOneIter);
  SMCTRAIN_RESOLVE(XGBoosterTrainOneIter);
  SMCTRAIN_RESOLVE(XGBoosterPredictFromDMatrix);
  SMCTRAIN_RESOLVE(XGBoosterEvalOneIter);
  SMCTRAIN_RESOLVE(XGBoosterSlice);
  SMCTRAIN_RESOLVE(XGBoosterSaveModelToBuffer);
#undef SMCTRAIN_RESOLVE
  if (!missing.empty()) {
    raise("MissingDependency", "'", path, "' is not the library of xgboost >= 3.1, < 4: it lacks ", missing,
          ": ", kInstall);
  }
  return library;
}

}  // namespace

void check_xgboost_version(int major, int minor, int patch) {
  if (major == 3 && minor >= 1) return;
  raise("MissingDependency", "XGBoost families need xgboost >= 3.1, < 4 (found ", major, ".", minor, ".",
        patch, "): ", kInstall);
}

const XGBoostLibrary& open_xgboost(const std::string& path) {
  static std::mutex mutex;
  static auto* const libraries =
      new std::map<std::string, std::unique_ptr<XGBoostLibrary>>();  // never closed
  const std::scoped_lock lock(mutex);
  auto& slot = (*libraries)[path];
  if (!slot) slot = load(path);
  return *slot;
}

void XGBoostLibrary::check(int code, const std::string& what) const {
  if (code == 0) return;
  const char* text = XGBGetLastError();
  std::string first = text == nullptr ? "" : text;
  first = first.substr(0, first.find('\n'));
  raise("NativeLibraryError", "XGBoost ", version, " failed while ", what, ": ",
        first.empty() ? "no reason given" : first);
}

void XGBoostLibrary::quiet() const {
  check(XGBSetGlobalConfig("{\"verbosity\": 0}"), "setting its verbosity");
}

}  // namespace smctrain::models::boosting
