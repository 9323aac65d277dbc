// Volume by the clock: against the same minute of earlier days, and as the mean price since a session began.
//
//   vol_slot_10    V / mean V of the last 10 earlier bars that open at the same minute of the local day
//   (setting
//                  cal.zone; bars of a day and longer have one slot). Missing until there are ten
//   vwap_sess_atr  (C - sum(tp V) / sum(V)) / ATR, tp = (H+L+C)/3, since the trading day began, or since a
//                  session last did (setting vwap.session). Missing until a start was seen
//
// As in the rest of the family nothing is shown until the volume of the segment has taken a second value, and
// a bar without volume or prices counts as missing. State: ten values a slot, at most 1440 slots.
#pragma once

#include <cstdint>
#include <memory>

#include "smctrain/features/machine.h"
#include "smctrain/features/settings.h"

namespace smctrain::features {

std::unique_ptr<Machine> make_session_volume_machine(const Settings& settings, int64_t bar_length_ns);

}  // namespace smctrain::features
