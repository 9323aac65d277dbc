// Reader of UBJSON (ubjson.org, draft 12), the binary form in which XGBoost hands out a model: float32 arrays
// arrive with their bits, and nothing depends on decimal digits.
//
//   node      one value. Objects and arrays are chains of children: first_child, next_sibling (-1 ends).
//   packed    an array of one numeric type: the bytes stay where they are, big-endian; floats() and ints()
//   convert.
//
// One pass with an explicit stack, no recursion; depth, lengths and counts are checked against the bytes
// left. Raises NativeLibraryError on anything else than well-formed input. The buffer must outlive the
// document.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace smctrain::models::boosting {

class UbjDocument {
 public:
  // Markers of UBJSON: '{' object, '[' array, 'S' string, 'd'/'D' float, 'i' 'U' 'I' 'l' 'L' integer, 'T' 'F'
  // 'Z'.
  struct Node {
    char type = 'Z';
    char packed_type = 0;  // element type when packed
    int32_t first_child = -1;
    int32_t next_sibling = -1;
    int64_t count = 0;  // children or packed elements
    int64_t integer = 0;
    double real = 0.0;
    std::string_view key;
    std::string_view text;           // strings
    const uint8_t* bytes = nullptr;  // packed arrays
  };

  explicit UbjDocument(std::span<const char> buffer);

  const Node& root() const { return nodes_.front(); }
  const Node& node(int32_t index) const { return nodes_[static_cast<size_t>(index)]; }
  // Member of an object; raises when it is absent.
  const Node& member(const Node& object, std::string_view key) const;
  const Node* find(const Node& object, std::string_view key) const;
  // Arrays of numbers, packed or not.
  std::vector<float> floats(const Node& array) const;
  std::vector<int64_t> ints(const Node& array) const;

 private:
  std::vector<Node> nodes_;
};

}  // namespace smctrain::models::boosting
