#include "smctrain/bars/csv.h"

#include <doctest/doctest.h>

#include <cmath>

#include "smctrain/base/error.h"

using smctrain::CsvBars;
using smctrain::parse_bar_csv;

TEST_CASE("BarCsv.ReadsTheHeaderInAnyOrderCaseAndSeparator") {
  const char* files[] = {
      "time,open,high,low,close,volume\n2024-03-01 09:30,1,4,0.5,2,7\n",
      "Close;LOW;High;Open;Timestamp;Volume\n2;0.5;4;1;2024-03-01 09:30;7\n",
      "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n"
      "2024.03.01\t09:30:00\t1\t4\t0.5\t2\t7\t0\t3\r\n",
      "\xEF\xBB\xBF\"time\",\"open\",\"high\",\"low\",\"close\",\"tick_volume\"\n\n\"2024-03-01 "
      "09:30\",1,4,.5,+2,7",
  };
  for (const char* file : files) {
    CAPTURE(file);
    const CsvBars bars = parse_bar_csv(file, "f.csv");
    CHECK(bars.n_faults == 0);
    REQUIRE(bars.time.size() == 1);
    CHECK(bars.time[0] == INT64_C(1709285400) * 1'000'000'000);
    CHECK(bars.open[0] == 1.0);
    CHECK(bars.high[0] == 4.0);
    CHECK(bars.low[0] == 0.5);
    CHECK(bars.close[0] == 2.0);
    CHECK(bars.volume[0] == 7.0);
  }
}

TEST_CASE("BarCsv.ReportsFaultsByLineAndGoesOn") {
  const CsvBars bars = parse_bar_csv(
      "time,open,high,low,close\n"
      "2024-03-01 09:00,1,1,1,1\n"
      "\n"
      "2024-03-01 09:15,1,abc,1,1\n"
      "yesterday,1,1,1,1\n"
      "2024-03-01 09:45,1,1,1\n"
      "2024-03-01 10:00,1,1,1,1,1\n"
      "2024-03-01 10:15,2,2,2,2\n",
      "f.csv");
  CHECK(bars.time.size() == 2);
  CHECK(bars.row == std::vector<int64_t>{2, 8});
  REQUIRE(bars.n_faults == 4);
  CHECK(bars.faults[0].row == 4);
  CHECK(bars.faults[0].column == "high");
  CHECK(bars.faults[0].text == "abc");
  CHECK(bars.faults[1].row == 5);
  CHECK(bars.faults[1].column == "time");
  CHECK(bars.faults[1].text == "yesterday");
  CHECK(bars.faults[2].row == 6);
  CHECK(bars.faults[2].expected == "5 cells");
  CHECK(bars.faults[2].text == "4 cells");
  CHECK(bars.faults[3].row == 7);
}

TEST_CASE("BarCsv.KeepsTheFirstFaultsAndCountsAll") {
  std::string text = "time,open,high,low,close\n";
  for (int i = 0; i < 100; ++i) text += "2024-03-01 09:00,x,1,1,1\n";
  const CsvBars bars = parse_bar_csv(text, "f.csv");
  CHECK(bars.n_faults == 100);
  CHECK(bars.faults.size() == CsvBars::kMaxFaults);
}

TEST_CASE("BarCsv.TakesMissingCellsAsNaNAndNumbersAsTheNearestDouble") {
  const CsvBars bars = parse_bar_csv(
      "time,open,high,low,close,volume\n"
      "2024-03-01 09:00,1.1255600000000001,,NaN,inf,null\n"
      "2024-03-01 09:15,1e300,0.1,123456789.123456789,5e-324,1e5\n",
      "f.csv");
  CHECK(bars.n_faults == 0);
  CHECK(bars.open[0] == 1.1255600000000001);
  CHECK(std::isnan(bars.high[0]));
  CHECK(std::isnan(bars.low[0]));
  CHECK(std::isinf(bars.close[0]));
  CHECK(std::isnan(bars.volume[0]));
  CHECK(bars.low[1] == 123456789.123456789);
  CHECK(bars.close[1] == 5e-324);
  CHECK(parse_bar_csv("time,open,high,low,close\n2024-03-01,1e400,1,1,1\n", "f.csv").n_faults == 1);
}

TEST_CASE("BarCsv.NamesMissingAndDoubleColumns") {
  CHECK_THROWS_WITH_AS(
      parse_bar_csv("time,open,high,close\n", "f.csv"),
      "f.csv, row 1: the header must name the columns time, open, high, low, close, but has no low "
      "(found: time, open, high, close). Add the header or rename the columns.",
      smctrain::Error);
  CHECK_THROWS_WITH_AS(parse_bar_csv("time,open,open,high,low,close\n", "f.csv"),
                       "f.csv, row 1: two columns are called open. Rename or remove one.", smctrain::Error);
  CHECK_THROWS_WITH_AS(parse_bar_csv(" \n\n", "f.csv"),
                       "f.csv is empty: expected a header line and bars. Export the file again.",
                       smctrain::Error);
}

TEST_CASE("BarCsv.RefusesMixedZones") {
  const CsvBars bars = parse_bar_csv(
      "time,open,high,low,close\n2024-03-01 09:00,1,1,1,1\n2024-03-01T09:15Z,1,1,1,1\n", "f.csv");
  REQUIRE(bars.n_faults == 1);
  CHECK(bars.faults[0].row == 3);
  CHECK(bars.faults[0].expected == "times with a zone in every row or in none");
}

TEST_CASE("BarCsv.SplitsSymbolsAndTimeframes") {
  const CsvBars bars = parse_bar_csv(
      "symbol,timeframe,time,open,high,low,close\n"
      "0700,M15,2024-03-01 09:00,1,1,1,1\nTRUE,M15,2024-03-01 09:00,1,1,1,1\n0700,H1,2024-03-01 "
      "09:00,1,1,1,1\n",
      "f.csv");
  CHECK(bars.symbols == std::vector<std::string>{"0700", "TRUE"});
  CHECK(bars.symbol == std::vector<int32_t>{0, 1, 0});
  CHECK(bars.timeframe == std::vector<int32_t>{0, 0, 1});
}
