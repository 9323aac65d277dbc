// LightGBM through its C interface, opened at run time, by the rules of xgboost_library.h.
//
// The interface has no version call: the version comes from the wheel's VERSION.txt and is checked by the
// caller. LightGBM's thread count is one for the whole process, so every fit of ours takes one thread.
#pragma once

#include <cstdint>
#include <string>

namespace smctrain::models::boosting {

using LGBMHandle = void*;

struct LightGBMLibrary {
  const char* (*LGBM_GetLastError)();
  int (*LGBM_DatasetCreateFromMat)(const void*, int, int32_t, int32_t, int, const char*, LGBMHandle,
                                   LGBMHandle*);
  int (*LGBM_DatasetSetField)(LGBMHandle, const char*, const void*, int, int);
  int (*LGBM_DatasetFree)(LGBMHandle);
  int (*LGBM_BoosterCreate)(LGBMHandle, const char*, LGBMHandle*);
  int (*LGBM_BoosterFree)(LGBMHandle);
  int (*LGBM_BoosterAddValidData)(LGBMHandle, LGBMHandle);
  int (*LGBM_BoosterUpdateOneIter)(LGBMHandle, int*);
  int (*LGBM_BoosterUpdateOneIterCustom)(LGBMHandle, const float*, const float*, int*);
  int (*LGBM_BoosterGetCurrentIteration)(LGBMHandle, int*);
  int (*LGBM_BoosterGetNumPredict)(LGBMHandle, int, int64_t*);
  int (*LGBM_BoosterGetPredict)(LGBMHandle, int, int64_t*, double*);
  int (*LGBM_BoosterSaveModelToString)(LGBMHandle, int, int, int, int64_t, int64_t*, char*);

  // Raises NativeLibraryError unless `code` is 0. `what` says what we were doing: "training round 3".
  void check(int code, const std::string& what) const;
};

// Opens the library, or returns the one already open under that path. Raises MissingDependency when the file
// is missing, cannot be opened, or lacks symbols.
const LightGBMLibrary& open_lightgbm(const std::string& path);

}  // namespace smctrain::models::boosting
