#include "smctrain/features/derived/prices.h"

#include <cmath>

#include "smctrain/features/technical/families.h"

namespace smctrain::features {
namespace {

ColumnInfo level(const char* name, const char* unit, const char* definition) {
  return make_column(name, "price", unit, 1, 0, 0, definition, "level");
}

class PricesMachine final : public TableMachine {
 public:
  PricesMachine()
      : TableMachine({level("open", "price", "opening price"), level("high", "price", "highest price"),
                      level("low", "price", "lowest price"), level("close", "price", "closing price"),
                      level("log_close", "log_price", "natural logarithm of the closing price"),
                      level("volume", "volume", "volume"), level("spread", "spread", "spread")}) {}

  void push(const Bar& bar, const Context&, double* out) override {
    out[0] = bar.open;
    out[1] = bar.high;
    out[2] = bar.low;
    out[3] = bar.close;
    out[4] = bar.close > 0.0 ? std::log(bar.close) : kNaN;
    out[5] = std::isfinite(bar.volume) ? bar.volume : kNaN;
    out[6] = std::isfinite(bar.spread) ? bar.spread : kNaN;
  }
  void reset() override {}
};

}  // namespace

std::unique_ptr<Machine> make_prices_machine() { return std::make_unique<PricesMachine>(); }

}  // namespace smctrain::features
