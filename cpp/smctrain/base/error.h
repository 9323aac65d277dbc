// One error type for the whole core.
//
// `type` is the name of the Python exception class in smctrain.exceptions that the bindings raise
// ("InputError", "BarError", "TooFewRows", "OneClass", "SplitLeak", "ArtifactError", "NativeLibraryError",
// ...). The message is a full sentence in the user's words: what was expected, what was found, what to do.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace smctrain {

class Error : public std::runtime_error {
 public:
  Error(std::string type, const std::string& message) : std::runtime_error(message), type_(std::move(type)) {}
  const std::string& type() const { return type_; }

 private:
  std::string type_;
};

template <class... Parts>
std::string format(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// raise("InputError", "horizon must be at least 1, but is ", horizon, ".")
template <class... Parts>
[[noreturn]] void raise(const char* type, const Parts&... parts) {
  throw Error(type, format(parts...));
}

}  // namespace smctrain
