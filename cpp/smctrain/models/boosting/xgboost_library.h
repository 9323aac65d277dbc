// XGBoost through its C interface, opened at run time.
//
//   library   the shared object of the installed wheel, opened once per absolute path and never closed: its
//   OpenMP
//             threads live on.
//   call      every function returns 0 or -1; check() is the one place that looks, and raises
//   NativeLibraryError
//             with the first line of the library's own text.
//
// The wheel ships no headers, so the prototypes below are ours (XGBoost 3.1 to 3.x, c_api.h). All symbols are
// resolved when the library is opened; the missing ones are listed together. Opening costs milliseconds,
// importing the Python package 1.35 s: nothing here imports it. Every caller sets its own thread's verbosity
// (quiet()).
#pragma once

#include <cstdint>
#include <string>

namespace smctrain::models::boosting {

using XGBHandle = void*;
using XGBLength = uint64_t;
using XGBNext = int(XGBHandle);    // 1: the proxy holds another block of rows
using XGBReset = void(XGBHandle);  // back to the first block

struct XGBoostLibrary {
  void (*XGBoostVersion)(int*, int*, int*);
  const char* (*XGBGetLastError)();
  int (*XGBSetGlobalConfig)(const char*);
  int (*XGDMatrixCreateFromDense)(const char*, const char*, XGBHandle*);
  int (*XGProxyDMatrixCreate)(XGBHandle*);
  int (*XGProxyDMatrixSetDataDense)(XGBHandle, const char*);
  int (*XGQuantileDMatrixCreateFromCallback)(XGBHandle, XGBHandle, XGBHandle, XGBReset*, XGBNext*,
                                             const char*, XGBHandle*);
  int (*XGDMatrixSetInfoFromInterface)(XGBHandle, const char*, const char*);
  int (*XGDMatrixFree)(XGBHandle);
  int (*XGBoosterCreate)(const XGBHandle*, XGBLength, XGBHandle*);
  int (*XGBoosterFree)(XGBHandle);
  int (*XGBoosterSetParam)(XGBHandle, const char*, const char*);
  int (*XGBoosterUpdateOneIter)(XGBHandle, int, XGBHandle);
  int (*XGBoosterTrainOneIter)(XGBHandle, XGBHandle, int, const char*, const char*);
  int (*XGBoosterPredictFromDMatrix)(XGBHandle, XGBHandle, const char*, const XGBLength**, XGBLength*,
                                     const float**);
  int (*XGBoosterEvalOneIter)(XGBHandle, int, XGBHandle*, const char**, XGBLength, const char**);
  int (*XGBoosterSlice)(XGBHandle, int, int, int, XGBHandle*);
  int (*XGBoosterSaveModelToBuffer)(XGBHandle, const char*, XGBLength*, const char**);

  std::string version;

  // Raises NativeLibraryError unless `code` is 0. `what` says what we were doing: "training round 3".
  void check(int code, const std::string& what) const;
  // No log lines from this thread.
  void quiet() const;
};

// Opens the library, or returns the one already open under that path. Raises MissingDependency when the file
// is missing, cannot be opened, lacks symbols, or is of a version outside 3.1 <= v < 4.
const XGBoostLibrary& open_xgboost(const std::string& path);

// Raises MissingDependency outside 3.1 <= v < 4.
void check_xgboost_version(int major, int minor, int patch);

}  // namespace smctrain::models::boosting
