#include "smctrain/labels/barrier/endings.h"

namespace smctrain::labels::barrier {

std::array<Ending, 32> endings(const BarrierOptions& options) {
  std::array<Ending, 32> out;
  for (unsigned did = 1; did < out.size(); ++did) {
    Ending& end = out[did];
    const bool tied = (did & kReachedStop) != 0 && (did & kReachedTarget) != 0;
    if ((did & kOver) != 0) {
      end = {options.timeout == Timeout::kLoss ? -1.0 : 0.0, Rule::kTimeout, Status::kOk, Ending::kClose};
      if (options.timeout == Timeout::kDrop) end.status = Status::kTimeoutDrop;
    } else if ((did & kOpenedAtStop) != 0) {
      end = {-1.0, Rule::kStopGap, Status::kOk, Ending::kOpen};
    } else if ((did & kOpenedAtTarget) != 0) {
      end = {1.0, Rule::kTargetGap, Status::kOk,
             options.gap_target_at_open ? Ending::kOpen : Ending::kTarget};
    } else if (tied && options.tie == Tie::kLower) {
      continue;
    } else if ((did & kReachedStop) != 0 && !(tied && options.tie == Tie::kTarget)) {
      end = {-1.0, tied ? Rule::kStopTie : Rule::kStop, Status::kOk, Ending::kStop};
      if (tied && options.tie == Tie::kDrop) end.status = Status::kTieDrop;
    } else {
      end = {1.0, tied ? Rule::kTargetTie : Rule::kTarget, Status::kOk, Ending::kTarget};
    }
    if (end.status != Status::kOk) end.y = kNaN;
  }
  return out;
}

}  // namespace smctrain::labels::barrier
