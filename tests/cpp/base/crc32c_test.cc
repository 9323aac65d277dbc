#include "smctrain/base/crc32c.h"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("Crc32c.MatchesThePublishedCheckValues") {
  const std::string digits = "123456789";  // check value of RFC 3720, appendix B.4
  CHECK(smctrain::crc32c(digits.data(), digits.size()) == 0xE3069283U);
  const std::string zeros(32, '\0');
  CHECK(smctrain::crc32c(zeros.data(), zeros.size()) == 0x8A9136AAU);
  CHECK(smctrain::crc32c(digits.data() + 4, 5, smctrain::crc32c(digits.data(), 4)) == 0xE3069283U);
}
