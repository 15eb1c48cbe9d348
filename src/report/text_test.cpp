// Escaping and numbers.
#include <gtest/gtest.h>

#include <string>

#include "report/escape.h"
#include "report/numbers.h"

namespace dwubit::report {
namespace {

TEST(Escape, Html) {
    EXPECT_EQ(html("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
    EXPECT_EQ(html("ż\n\x01\xff"), "ż\n \ufffd");
}

TEST(Escape, Markdown) {
    EXPECT_EQ(markdown("orlik_dzialy_gen"), "orlik_dzialy_gen");
    EXPECT_EQ(markdown("_a_ *b* `c` |d| ~e~ $f$ \\"), "\\_a\\_ \\*b\\* \\`c\\` \\|d\\| \\~e\\~ \\$f\\$ \\\\");
    EXPECT_EQ(markdown("<b> & [0.1, 0.2] [a](b) [a][b] [a]: b"),
              "&lt;b&gt; &amp; [0.1, 0.2] [a\\](b) [a\\][b] [a\\]: b");
    EXPECT_EQ(markdown("two\nlines"), "two lines");
    EXPECT_EQ(markdown("2.125"), "2.125");
}

TEST(Escape, MarkdownAtTheStartOfALine) {
    EXPECT_EQ(markdown_line("# a"), "\\# a");
    EXPECT_EQ(markdown_line("  - a"), "\\- a");
    EXPECT_EQ(markdown_line("12. a"), "12\\. a");
    EXPECT_EQ(markdown_line("12.5 a"), "12.5 a");
    EXPECT_EQ(markdown_line("[x] a"), "\\[x] a");
    EXPECT_EQ(markdown_line(""), "");
}

TEST(Escape, JsonInScript) {
    EXPECT_EQ(json_in_script("{\"a\":\"</script><!--&\"}"), "{\"a\":\"\\u003c/script\\u003e\\u003c!--\\u0026\"}");
}

TEST(Escape, Slug) {
    EXPECT_EQ(slug("Loss per layer, and kind!"), "loss-per-layer-and-kind");
    EXPECT_EQ(slug("żż"), "x");
}

TEST(ReportNumbers, Significant) {
    EXPECT_EQ(significant(17.7249, 4), "17.72");
    EXPECT_EQ(significant(0.0012345), "0.00123");
    EXPECT_EQ(significant(0.00012345), "1.23e-04");
    EXPECT_EQ(significant(-2.5), "\u22122.50");
    EXPECT_EQ(significant(1234567.0), "1.23e+06");
    EXPECT_EQ(significant(0.0), "0.00");
    EXPECT_EQ(significant(Number()), "\u2013");
}

TEST(ReportNumbers, Signed) {
    EXPECT_EQ(signed_decimals(0.02), "+0.020");
    EXPECT_EQ(signed_decimals(-0.02), "\u22120.020");
    EXPECT_EQ(signed_decimals(-0.0001), "0.000");
    EXPECT_EQ(signed_decimals(0.0001), "0.000");
}

TEST(ReportNumbers, WithError) {
    EXPECT_EQ(with_error(0.2129, 0.00194), "0.2129 ± 0.0038");  // 1.96 x 0.00194 = 0.0038
    EXPECT_EQ(with_error(17.72, 0.139), "17.72 ± 0.27");
    EXPECT_EQ(with_error(1234.5, 51), "1234 ± 100");
    EXPECT_EQ(with_error(0.2129, Number()), "0.2129");
    EXPECT_EQ(with_error(0.2129, 0.0), "0.2129");
    EXPECT_EQ(with_error(3.1e9, 2.2e7), "3.10e+09 ± 4.3e+07");
}

TEST(ReportNumbers, Units) {
    EXPECT_EQ(bytes_text(999), "999\u00a0bytes");
    EXPECT_EQ(bytes_text(12'345'678), "12.35\u00a0MB");
    EXPECT_EQ(bytes_range(1e6, 1.009e6), "1.000 to 1.009\u00a0MB");
    EXPECT_EQ(bytes_range(1e6, 1e9), "1.000\u00a0MB to 1.000\u00a0GB");
    EXPECT_EQ(seconds_text(4.84), "4.8\u00a0s");
    EXPECT_EQ(seconds_text(723), "12\u00a0min 3\u00a0s");
    EXPECT_EQ(seconds_text(11'400), "3\u00a0h 10\u00a0min");
    EXPECT_EQ(percent(0.973), "97\u00a0%");
    EXPECT_EQ(interval(0.5, 0.75), "[0.500, 0.750]");
    EXPECT_EQ(interval(0.5, Number()), "");
}

TEST(ReportNumbers, Listed) {
    EXPECT_EQ(listed({}), "");
    EXPECT_EQ(listed({"a"}), "a");
    EXPECT_EQ(listed({"a", "b", "c"}), "a, b and c");
    EXPECT_EQ(listed({"a", "b", "c", "d"}, 3), "a, b, c and d");
    EXPECT_EQ(listed({"a", "b", "c", "d", "e"}, 3), "a, b, c and 2 more");
}

}  // namespace
}  // namespace dwubit::report
