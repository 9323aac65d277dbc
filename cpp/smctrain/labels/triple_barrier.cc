#include "smctrain/labels/triple_barrier.h"

#include <algorithm>

#include "smctrain/labels/barrier/check.h"
#include "smctrain/labels/barrier/labeller.h"

namespace smctrain::labels {

namespace {

template <Entry kEntry>
LabelCounts run(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
                const BarrierOptions& options, const LabelColumns& out, const StopToken& stop) {
  constexpr size_t kBlock = 16384;
  barrier::Labeller labeller(bars, rows, options, out);
  for (size_t begin = 0; begin < rows.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, rows.size());
    if (stop.stop_requested()) {
      for (size_t k = begin; k < rows.size(); ++k) labeller.write_nothing(k, Status::kOpen, -1);
      break;
    }
    if (labeller.batches()) {
      for (size_t k = begin; k < end; k += barrier::Batch::kSize) {
        labeller.template label_batch<kEntry>(side, k, std::min(k + barrier::Batch::kSize, end));
      }
      continue;
    }
    for (size_t k = begin; k < end; ++k) {
      if (side[k] > 0) {
        labeller.label<kEntry, true>(k);
      } else {
        labeller.label<kEntry, false>(k);
      }
    }
  }
  return labeller.counts();
}

}  // namespace

LabelTable::LabelTable(size_t size) : numbers_(11 * size), rows_(3 * size), codes_(2 * size) {
  size_t column = 0;
  for (auto* of : {&y, &fill, &stop, &target, &risk, &risk_scale, &exit, &r_gross, &r, &mfe_r, &mae_r}) {
    *of = {numbers_.data() + size * column++, size};
  }
  column = 0;
  for (auto* of : {&t1, &entry_bar, &bars_held}) *of = {rows_.data() + size * column++, size};
  column = 0;
  for (auto* of : {&status, &rule}) *of = {codes_.data() + size * column++, size};
}

LabelCounts triple_barrier(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
                           const BarrierOptions& options, const LabelColumns& out, const StopToken& stop) {
  barrier::check(bars, rows, side, options, out);
  switch (options.entry) {
    case Entry::kClose:
      return run<Entry::kClose>(bars, rows, side, options, out, stop);
    case Entry::kRetest:
      return run<Entry::kRetest>(bars, rows, side, options, out, stop);
    default:
      return run<Entry::kNextOpen>(bars, rows, side, options, out, stop);
  }
}

}  // namespace smctrain::labels
