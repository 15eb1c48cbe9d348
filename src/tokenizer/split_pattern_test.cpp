#include "tokenizer/split_pattern.h"

#include <gtest/gtest.h>

#include <ctime>
#include <vector>

#include "tokenizer/nfc.h"

namespace dwubit {
namespace {

std::vector<std::string> matches(const std::string& expression, const std::string& text) {
    const auto pattern = SplitPattern::compile(expression, "pattern");
    if (!pattern.ok()) return {"refused: " + pattern.error().message};
    std::vector<std::string> out;
    SplitBudget budget(text.size());
    const auto found = pattern->find_all(
        text, budget, [&](std::size_t begin, std::size_t end) { out.push_back(text.substr(begin, end - begin)); });
    if (!found.ok()) out.push_back("error: " + found.error().message);
    return out;
}

using Strings = std::vector<std::string>;

TEST(SplitPattern, FindsLeftmostMatchesInOrder) {
    EXPECT_EQ(matches("a+|b", "aabxxab"), (Strings{"aa", "b", "a", "b"}));
    EXPECT_EQ(matches("\\p{L}+", "zażółć 1 ü"), (Strings{"zażółć", "ü"}));
    EXPECT_EQ(matches("(?<=x)a(?!b)", "xaa xab xa"), (Strings{"a", "a"}));
    EXPECT_EQ(matches("(?i:'s)|[^']", "'S's"), (Strings{"'S", "'s"}));
    EXPECT_EQ(matches("x{2}", ""), Strings{});
    EXPECT_EQ(matches(".+", "a\r\nb"), (Strings{"a\r", "b"}));
}

TEST(SplitPattern, CharactersNewerThanTheLibrarysUnicode) {
    EXPECT_EQ(matches("\\p{Lo}+", "a\U00031350\U00013460 "), Strings{"\U00031350\U00013460"});
    EXPECT_EQ(matches("\\p{S}", "\U0001CC00"), Strings{"\U0001CC00"});
}

TEST(SplitPattern, RefusesByNameWhatIsOutsideTheSubset) {
    for (const char* expression :
         {"\\w+",         "\\h",      "a\\b",   "^a",          "a$",      "(?i)a",       "(?R)",      "(*ACCEPT)",
          "(?<n>a)",      "(?#c)",    "(a)\\1", "[[:alpha:]]", "[a&&b]",  "[a[b]]",      "a{2}+",     "a{,3}",
          "a{",           "\\p{Han}", "\\pL",   "\\x41",       "\\Qa\\E", "(?i:\u00df)", "(?i:less)", "(?i:[a-z])",
          "(?i:\\p{Lu})", "a\\",      "(?C1)",  "(?P>x)",      "\\K"}) {
        const auto pattern = SplitPattern::compile(expression, "tokenizer.json: pattern");
        ASSERT_FALSE(pattern.ok()) << expression;
        EXPECT_EQ(pattern.error().kind, ErrorKind::kUnsupported) << expression;
        EXPECT_TRUE(pattern.error().message.starts_with("tokenizer.json: pattern: '")) << pattern.error().message;
        EXPECT_FALSE(pattern.error().hint.empty());
    }
    for (const char* expression : {"a*", "a|", "(?=a)", ""}) {
        const auto pattern = SplitPattern::compile(expression, "pattern");
        ASSERT_FALSE(pattern.ok()) << expression;
        EXPECT_NE(pattern.error().message.find("can match nothing"), std::string::npos) << pattern.error().message;
    }
    for (const char* expression : {"(a", "a)", "[a", "a**", "+a", "(?<=a+)b", "[z-a]", "a{70000}"}) {
        const auto pattern = SplitPattern::compile(expression, "pattern");
        ASSERT_FALSE(pattern.ok()) << expression;
        EXPECT_EQ(pattern.error().kind, ErrorKind::kInvalidInput) << pattern.error().message;
    }
    EXPECT_FALSE(SplitPattern::compile(std::string(5000, 'a'), "pattern").ok());
    EXPECT_FALSE(SplitPattern::compile(std::string(100, '(') + "a" + std::string(100, ')'), "pattern").ok());
}

TEST(SplitPattern, HostilePatternsEndSoonInAnError) {
    const std::string line(1 << 18, 'a');
    for (const char* expression : {"(a|a)+b", "a+a+a+a+b", "a+b", "(?:(?:a+)+)+b", "(?=(a+)+b)a", "(?>a+)b"}) {
        const std::clock_t start = std::clock();
        const Strings found = matches(expression, line);
        const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        EXPECT_LE(seconds, 10) << expression;
        ASSERT_EQ(found.size(), 1u) << expression;
        EXPECT_NE(found[0].find("too many steps"), std::string::npos) << expression << ": " << found[0];
    }
}

TEST(Nfc, LongRunsOfMarksAreNotQuadratic) {
    std::string text = "a";
    for (int i = 0; i < 200'000; ++i) text += "\u0301\u0323";
    const std::clock_t start = std::clock();
    const std::string normal = normalize_nfc(text);
    EXPECT_LE(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 10);
    EXPECT_TRUE(normal.starts_with("\u1EA1\u0323\u0323")) << "the marks below come first";
    EXPECT_TRUE(normal.ends_with("\u0301\u0301"));
}

}  // namespace
}  // namespace dwubit
