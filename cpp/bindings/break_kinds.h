// Kinds of breaks at the border: a list of their names.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "smctrain/bars/breaks.h"
#include "smctrain/base/error.h"

namespace smctrain::bindings {

inline std::array<bool, kBreakKinds> break_kinds(const std::vector<std::string>& names) {
  std::array<bool, kBreakKinds> active{};
  for (const std::string& name : names) {
    size_t kind = 0;
    while (kind < kBreakKinds && name != break_name(static_cast<BreakKind>(kind))) ++kind;
    if (kind == kBreakKinds) raise("InputError", "there is no break of kind ", name, ".");
    active[kind] = true;
  }
  return active;
}

}  // namespace smctrain::bindings
