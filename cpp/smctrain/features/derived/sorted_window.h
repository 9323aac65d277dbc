// The last w inputs in order of size: median, quantiles, rank.
//
// A balanced tree (treap) over the slots of a ring: each input replaces the one that leaves. Missing values
// are not in the tree and make the result NaN while they are in the window. Expected cost O(log w) per input
// and answer. Source: Aragon and Seidel, "Randomized search trees" (1989).
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "smctrain/features/machine.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {

class SortedWindow {
 public:
  explicit SortedWindow(int width) : window_(width), nodes_(static_cast<size_t>(width) + 1) {}

  void push(double value) {
    const bool was_full = window_.full();
    const double leaving = window_.push(value);
    const int node = 1 + next_;
    next_ = next_ + 1 == window_.width() ? 0 : next_ + 1;
    if (was_full && std::isfinite(leaving)) root_ = erased(root_, node);
    if (!std::isfinite(value)) return;
    nodes_[static_cast<size_t>(node)] = {value, 0, 0, 1};
    root_ = inserted(root_, node);
  }
  void reset() {
    window_.reset();
    next_ = 0;
    root_ = 0;
  }

  // Linear interpolation between the order statistics (type 7).
  double quantile(double share) const {
    if (!window_.usable()) return kNaN;
    const double position = share * (window_.width() - 1);
    const auto low = static_cast<int>(position);
    const double below = kth(low);
    const double above = low + 1 < window_.width() ? kth(low + 1) : below;
    return below + (position - low) * (above - below);
  }
  // Share of the other values below the newest one, ties counting half.
  double rank() const {
    if (!window_.usable()) return kNaN;
    const int less = count_below(window_.newest(), false);
    const int equal = count_below(window_.newest(), true) - less - 1;
    return (less + 0.5 * equal) / (window_.width() - 1);
  }

 private:
  struct Node {  // number 1 + slot; 0 is no node
    double value = 0.0;
    int left = 0;
    int right = 0;
    int size = 0;
  };

  // Any fixed mix of the slot's number serves: values know nothing of it.
  static uint64_t priority(int node) {
    uint64_t x = static_cast<uint64_t>(node) * 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
  }
  Node& at(int node) { return nodes_[static_cast<size_t>(node)]; }
  const Node& at(int node) const { return nodes_[static_cast<size_t>(node)]; }
  bool before(int a, int b) const {
    return at(a).value < at(b).value || (at(a).value == at(b).value && a < b);
  }
  int updated(int node) {
    at(node).size = 1 + at(at(node).left).size + at(at(node).right).size;
    return node;
  }
  // Splits a tree into what is before `key` and what is behind it.
  void split(int tree, int key, int& low, int& high) {
    if (tree == 0) {
      low = high = 0;
    } else if (before(tree, key)) {
      int rest = 0;
      split(at(tree).right, key, rest, high);
      at(tree).right = rest;
      low = updated(tree);
    } else {
      int rest = 0;
      split(at(tree).left, key, low, rest);
      at(tree).left = rest;
      high = updated(tree);
    }
  }
  int merged(int low, int high) {
    if (low == 0 || high == 0) return low + high;
    if (priority(low) > priority(high)) {
      at(low).right = merged(at(low).right, high);
      return updated(low);
    }
    at(high).left = merged(low, at(high).left);
    return updated(high);
  }
  int inserted(int tree, int node) {
    if (tree == 0) return node;
    if (priority(node) > priority(tree)) {
      int low = 0;
      int high = 0;
      split(tree, node, low, high);
      at(node).left = low;
      at(node).right = high;
      return updated(node);
    }
    if (before(node, tree)) {
      at(tree).left = inserted(at(tree).left, node);
    } else {
      at(tree).right = inserted(at(tree).right, node);
    }
    return updated(tree);
  }
  int erased(int tree, int node) {
    if (tree == node) return merged(at(tree).left, at(tree).right);
    if (before(node, tree)) {
      at(tree).left = erased(at(tree).left, node);
    } else {
      at(tree).right = erased(at(tree).right, node);
    }
    return updated(tree);
  }
  double kth(int k) const {
    int tree = root_;
    for (;;) {
      const int left = at(at(tree).left).size;
      if (k == left) return at(tree).value;
      if (k < left) {
        tree = at(tree).left;
      } else {
        k -= left + 1;
        tree = at(tree).right;
      }
    }
  }
  int count_below(double value, bool or_equal) const {
    int count = 0;
    for (int tree = root_; tree != 0;) {
      const bool counts = or_equal ? at(tree).value <= value : at(tree).value < value;
      if (counts) count += 1 + at(at(tree).left).size;
      tree = counts ? at(tree).right : at(tree).left;
    }
    return count;
  }

  Window window_;
  std::vector<Node> nodes_;
  int next_ = 0;
  int root_ = 0;
};

}  // namespace smctrain::features
