#include "smctrain/features/smc/machine_batch.h"

#include "smctrain/features/smc/context_feed.h"

namespace smctrain::features::smc {

std::vector<double> run_machine(Machine& machine, const BarsView& bars) {
  const size_t width = machine.columns().size();
  std::vector<double> values(static_cast<size_t>(bars.size()) * width);
  ContextFeed feed;
  machine.reset();
  for (int64_t t = 0; t < bars.size(); ++t) {
    const auto i = static_cast<size_t>(t);
    if (t > 0 && bars.segment[i] != bars.segment[i - 1]) {
      machine.reset();
      feed.reset();
    }
    const Bar bar = bars[t];
    machine.push(bar, feed.push(bar), values.data() + i * width);
  }
  return values;
}

}  // namespace smctrain::features::smc
