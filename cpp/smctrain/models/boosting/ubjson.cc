#include "smctrain/models/boosting/ubjson.h"

#include <bit>
#include <limits>

#include "smctrain/base/error.h"

namespace smctrain::models::boosting {

namespace {

constexpr size_t kMaxDepth = 64;
constexpr size_t kMaxNodes = 50'000'000;

[[noreturn]] void fail(const std::string& what) {
  raise("NativeLibraryError", "XGBoost's model buffer cannot be read: ", what, ".");
}

int64_t width_of(char type) {
  switch (type) {
    case 'i':
    case 'U':
    case 'C':
      return 1;
    case 'I':
      return 2;
    case 'l':
    case 'd':
      return 4;
    case 'L':
    case 'D':
      return 8;
    default:
      return 0;
  }
}

uint64_t big_endian(const uint8_t* bytes, int64_t width) {
  uint64_t value = 0;
  for (int64_t i = 0; i < width; ++i) value = value << 8 | bytes[i];
  return value;
}

bool is_integer(char type) { return type == 'i' || type == 'U' || type == 'I' || type == 'l' || type == 'L'; }

int64_t integer_at(char type, const uint8_t* bytes) {
  const uint64_t value = big_endian(bytes, width_of(type));
  switch (type) {
    case 'i':
      return static_cast<int8_t>(value);
    case 'I':
      return static_cast<int16_t>(value);
    case 'l':
      return static_cast<int32_t>(value);
    default:
      return static_cast<int64_t>(value);  // 'L'; 'U' has no sign
  }
}

double real_at(char type, const uint8_t* bytes) {
  if (type == 'd') return std::bit_cast<float>(static_cast<uint32_t>(big_endian(bytes, 4)));
  return std::bit_cast<double>(big_endian(bytes, 8));
}

struct Cursor {
  const uint8_t* at;
  const uint8_t* end;

  int64_t left() const { return end - at; }
  uint8_t peek() const {
    if (at == end) fail("it ends early");
    return *at;
  }
  char marker() {
    const auto c = static_cast<char>(peek());
    ++at;
    return c;
  }
  const uint8_t* take(int64_t n) {
    if (n < 0 || n > left()) fail("a length points past its end");
    const uint8_t* start = at;
    at += n;
    return start;
  }
  int64_t length() {
    const char type = marker();
    if (!is_integer(type)) fail(format("a length has the type '", type, "'"));
    const int64_t value = integer_at(type, take(width_of(type)));
    if (value < 0) fail("a length is negative");
    return value;
  }
  std::string_view text() {
    const int64_t n = length();
    return {reinterpret_cast<const char*>(take(n)), static_cast<size_t>(n)};
  }
};

struct Open {
  int32_t node;
  int32_t last_child;
  bool counted;
};

}  // namespace

UbjDocument::UbjDocument(std::span<const char> buffer) {
  Cursor cursor{reinterpret_cast<const uint8_t*>(buffer.data()),
                reinterpret_cast<const uint8_t*>(buffer.data()) + buffer.size()};
  std::vector<Open> stack;
  while (true) {
    // Close what is complete.
    while (!stack.empty()) {
      const Node& top = nodes_[static_cast<size_t>(stack.back().node)];
      if (stack.back().counted) {
        if (top.integer < top.count) break;
      } else {
        const char closer = top.type == '{' ? '}' : ']';
        if (static_cast<char>(cursor.peek()) != closer) break;
        ++cursor.at;
        nodes_[static_cast<size_t>(stack.back().node)].count = top.integer;
      }
      stack.pop_back();
    }
    if (stack.empty() && !nodes_.empty()) break;

    Node node;
    if (!stack.empty() && nodes_[static_cast<size_t>(stack.back().node)].type == '{')
      node.key = cursor.text();
    node.type = cursor.marker();
    bool opens = false;
    bool counted = false;
    switch (node.type) {
      case 'Z':
      case 'T':
      case 'F':
        break;
      case 'S':
        node.text = cursor.text();
        break;
      case 'i':
      case 'U':
      case 'I':
      case 'l':
      case 'L':
        node.integer = integer_at(node.type, cursor.take(width_of(node.type)));
        break;
      case 'd':
      case 'D':
        node.real = real_at(node.type, cursor.take(width_of(node.type)));
        break;
      case '[':
      case '{': {
        opens = true;
        char packed = 0;
        if (static_cast<char>(cursor.peek()) == '$') {
          ++cursor.at;
          packed = cursor.marker();
          if (node.type == '{' || width_of(packed) == 0) fail("a typed container is not an array of numbers");
        }
        if (static_cast<char>(cursor.peek()) == '#') {
          ++cursor.at;
          counted = true;
          node.count = cursor.length();
        } else if (packed != 0) {
          fail("a typed array has no count");
        }
        if (packed != 0) {
          const int64_t width = width_of(packed);
          if (node.count > cursor.left() / width) fail("an array points past its end");
          node.packed_type = packed;
          node.bytes = cursor.take(node.count * width);
          opens = false;
        } else if (counted && node.count > cursor.left()) {
          fail("a container points past its end");
        }
        break;
      }
      default:
        fail(format("unknown marker ", static_cast<int>(static_cast<uint8_t>(node.type))));
    }
    if (nodes_.size() >= kMaxNodes) fail("it has too many values");
    const auto index = static_cast<int32_t>(nodes_.size());
    nodes_.push_back(node);
    if (!stack.empty()) {
      Open& parent = stack.back();
      Node& owner = nodes_[static_cast<size_t>(parent.node)];
      if (parent.last_child < 0) {
        owner.first_child = index;
      } else {
        nodes_[static_cast<size_t>(parent.last_child)].next_sibling = index;
      }
      parent.last_child = index;
      ++owner.integer;  // children so far
    }
    if (opens) {
      if (stack.size() >= kMaxDepth) fail(format("it is nested deeper than ", kMaxDepth));
      stack.push_back({index, -1, counted});
    }
  }
  if (cursor.left() != 0) fail("bytes follow its end");
}

const UbjDocument::Node* UbjDocument::find(const Node& object, std::string_view key) const {
  if (object.type != '{') return nullptr;
  for (int32_t i = object.first_child; i >= 0; i = node(i).next_sibling) {
    if (node(i).key == key) return &node(i);
  }
  return nullptr;
}

const UbjDocument::Node& UbjDocument::member(const Node& object, std::string_view key) const {
  const Node* found = find(object, key);
  if (found == nullptr) fail(format("'", key, "' is missing"));
  return *found;
}

std::vector<float> UbjDocument::floats(const Node& array) const {
  if (array.type != '[') fail(format("'", array.key, "' is not an array"));
  std::vector<float> result;
  result.reserve(static_cast<size_t>(array.count));
  if (array.bytes != nullptr) {
    if (array.packed_type != 'd') fail(format("'", array.key, "' is not an array of float32"));
    for (int64_t i = 0; i < array.count; ++i) {
      result.push_back(std::bit_cast<float>(static_cast<uint32_t>(big_endian(array.bytes + 4 * i, 4))));
    }
    return result;
  }
  for (int32_t i = array.first_child; i >= 0; i = node(i).next_sibling) {
    if (node(i).type != 'd') fail(format("'", array.key, "' is not an array of float32"));
    result.push_back(static_cast<float>(node(i).real));
  }
  return result;
}

std::vector<int64_t> UbjDocument::ints(const Node& array) const {
  if (array.type != '[') fail(format("'", array.key, "' is not an array"));
  std::vector<int64_t> result;
  result.reserve(static_cast<size_t>(array.count));
  if (array.bytes != nullptr) {
    if (!is_integer(array.packed_type)) fail(format("'", array.key, "' is not an array of integers"));
    const int64_t width = width_of(array.packed_type);
    for (int64_t i = 0; i < array.count; ++i) {
      result.push_back(integer_at(array.packed_type, array.bytes + width * i));
    }
    return result;
  }
  for (int32_t i = array.first_child; i >= 0; i = node(i).next_sibling) {
    const Node& item = node(i);
    if (item.type == 'T' || item.type == 'F') {
      result.push_back(item.type == 'T' ? 1 : 0);
    } else if (is_integer(item.type)) {
      result.push_back(item.integer);
    } else {
      fail(format("'", array.key, "' is not an array of integers"));
    }
  }
  return result;
}

}  // namespace smctrain::models::boosting
