#include "smctrain/bars/timestamp.h"

#include <doctest/doctest.h>

using smctrain::kSecondNs;
using smctrain::parse_time;

namespace {
constexpr int64_t kMarchFirst = INT64_C(1709285400);  // 2024-03-01 09:30:00 UTC
}

TEST_CASE("Timestamp.ReadsEveryDocumentedFormat") {
  for (const char* naive : {"2024-03-01 09:30", "2024-03-01 09:30:00", "2024.03.01 09:30",
                            "2024/03/01 09:30:00", "2024-03-01T09:30:00", "20240301 09:30"}) {
    CAPTURE(naive);
    const auto time = parse_time(naive);
    REQUIRE(time.has_value());
    CHECK(time->ns == kMarchFirst * kSecondNs);
    CHECK_FALSE(time->aware);
  }
  for (const char* aware : {"2024-03-01T09:30:00Z", "2024-03-01T11:30:00+02:00", "2024-03-01 04:30-0500",
                            "2024-03-01T10:30+01", "2024-03-01 09:30:00 UTC", "1709285400", "1709285400000",
                            "1709285400000000", "1709285400000000000"}) {
    CAPTURE(aware);
    const auto time = parse_time(aware);
    REQUIRE(time.has_value());
    CHECK(time->ns == kMarchFirst * kSecondNs);
    CHECK(time->aware);
  }
  CHECK(parse_time("2024-03-01T09:30:00.250Z")->ns == kMarchFirst * kSecondNs + 250'000'000);
  CHECK(parse_time("2024-03-01")->ns == (kMarchFirst - 34'200) * kSecondNs);
  CHECK(parse_time("20240301")->ns == (kMarchFirst - 34'200) * kSecondNs);
  CHECK(parse_time("2024.03.01", "09:30:00")->ns == kMarchFirst * kSecondNs);
  CHECK(parse_time("1969-12-31T23:59:59Z")->ns == -kSecondNs);
  CHECK(parse_time("2024-02-29").has_value());
}

TEST_CASE("Timestamp.RefusesWhatIsNoTime") {
  for (const char* text :
       {"", "abc", "01/03/2024", "2024-13-01", "2024-02-30", "2023-02-29", "1900-02-29", "2024-03-01 24:00",
        "2024-03-01 09", "2024-03-01 09:60", "2024-03-01 09:30x", "2024-03.01", "1600-01-01", "2300-01-01",
        "2024-03-01T09:30:00+25:00", "99999999999999999999", "2024-03-01 09:30:00."}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(text).has_value());
  }
}
