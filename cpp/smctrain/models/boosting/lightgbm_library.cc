#include "smctrain/models/boosting/lightgbm_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <new>

#include "smctrain/base/error.h"

namespace smctrain::models::boosting {

namespace {

constexpr const char* kInstall = "pip install \"smctrain[lightgbm]\"";

template <class Function>
void resolve(void* handle, const char* name, Function& function, std::string& missing) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
  if (function == nullptr) missing += (missing.empty() ? "" : ", ") + std::string(name);
}

std::unique_ptr<LightGBMLibrary> load(const std::string& path) {
  if (!std::filesystem::path(path).is_absolute()) {
    raise("InputError", "the path of LightGBM's library must be absolute, but is '", path, "'.");
  }
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    raise("MissingDependency", "LightGBM families need lightgbm >= 4.6, < 5, but its library '", path,
          "' does not exist: ", kInstall);
  }
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* text = dlerror();
    const std::string reason = text == nullptr ? "no reason given" : text;
    if (reason.find("libgomp") != std::string::npos) {
      raise("MissingDependency", "LightGBM's library needs libgomp.so.1 (", reason,
            "): apt-get install libgomp1");
    }
    raise("MissingDependency", "LightGBM's library '", path, "' cannot be opened (", reason, "): ", kInstall);
  }
  auto library = std::make_unique<LightGBMLibrary>();
  std::string missing;
#define SMCTRAIN_RESOLVE(name) resolve(handle, #name, library->name, missing)
  SMCTRAIN_RESOLVE(LGBM_GetLastError);
  SMCTRAIN_RESOLVE(LGBM_DatasetCreateFromMat);
  SMCTRAIN_RESOLVE(LGBM_DatasetSetField);
  SMCTRAIN_RESOLVE(LGBM_DatasetFree);
  SMCTRAIN_RESOLVE(LGBM_BoosterCreate);
  SMCTRAIN_RESOLVE(LGBM_BoosterFree);
  SMCTRAIN_RESOLVE(LGBM_BoosterAddValidData);
  SMCTRAIN_RESOLVE(LGBM_BoosterUpdateOneIter);
  SMCTRAIN_RESOLVE(LGBM_BoosterUpdateOneIterCustom);
  SMCTRAIN_RESOLVE(LGBM_BoosterGetCurrentIteration);
  SMCTRAIN_RESOLVE(LGBM_BoosterGetNumPredict);
  SMCTRAIN_RESOLVE(LGBM_BoosterGetPredict);
  SMCTRAIN_RESOLVE(LGBM_BoosterSaveModelToString);
#undef SMCTRAIN_RESOLVE
  if (!missing.empty()) {
    raise("MissingDependency", "'", path, "' is not the library of lightgbm >= 4.6, < 5: it lacks ", missing,
          ": ", kInstall);
  }
  return library;
}

}  // namespace

const LightGBMLibrary& open_lightgbm(const std::string& path) {
  static std::mutex mutex;
  static auto* const libraries =
      new std::map<std::string, std::unique_ptr<LightGBMLibrary>>();  // never closed
  const std::scoped_lock lock(mutex);
  auto& slot = (*libraries)[path];
  if (!slot) slot = load(path);
  return *slot;
}

void LightGBMLibrary::check(int code, const std::string& what) const {
  if (code == 0) return;
  const char* text = LGBM_GetLastError();
  std::string first = text == nullptr ? "" : text;
  if (first.find("bad_alloc") != std::string::npos || first.find("bad allocation") != std::string::npos ||
      first.find("Insufficient memory") != std::string::npos) {
    throw std::bad_alloc();
  }
  first = first.substr(0, first.find('\n'));
  raise("NativeLibraryError", "LightGBM failed while ", what, ": ",
        first.empty() ? "no reason given" : first);
}

}  // namespace smctrain::models::boosting
