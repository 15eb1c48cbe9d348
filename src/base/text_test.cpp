#include "base/text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dwubit {
namespace {

using std::string_literals::operator""s;

const std::string kReplacement = "\xEF\xBF\xBD";

TEST(Utf8, WellFormedTextHasNoInvalidOffset) {
    for (const std::string& text : {""s, "abc"s, "zażółć gęślą jaźń"s, "\x00\x7F"s, "\xF4\x8F\xBF\xBF"s,
                                    "\xED\x9F\xBF\xEE\x80\x80"s, "👩‍👩‍👧"s}) {
        EXPECT_EQ(find_invalid_utf8(text), std::nullopt) << printable(text);
        EXPECT_EQ(replace_invalid_utf8(text), text);
    }
}

struct IllFormed {
    std::string text;
    std::size_t offset;
    std::string replaced;
};

TEST(Utf8, EachMaximalIllFormedPartBecomesOneReplacementCharacter) {
    const std::string r = kReplacement;
    const std::vector<IllFormed> cases = {
        {"a\x80"
         "b",
         1, "a" + r + "b"},
        {"\xC0\xAF", 0, r + r},                       // overlong
        {"\xE0\x80\xAF", 0, r + r + r},               // overlong
        {"\xED\xA0\x80", 0, r + r + r},               // surrogate
        {"\xF4\x90\x80\x80", 0, r + r + r + r},       // above U+10FFFF
        {"\xF5\x80", 0, r + r},                       // never a lead byte
        {"12345678\xF0\x9F\x98", 8, "12345678" + r},  // cut short: one part
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
         "A",
         0, r + r + r + r + "A"},  // Unicode 15, table 3-11
        {"\xC5", 0, r},
        {"\xFF\xFE", 0, r + r},
    };
    for (const IllFormed& c : cases) {
        EXPECT_EQ(find_invalid_utf8(c.text), c.offset) << printable(c.text);
        EXPECT_EQ(replace_invalid_utf8(c.text), c.replaced) << printable(c.text);
    }
}

TEST(Utf8, AppendAndDecodeAreInverse) {
    for (const char32_t c :
         {U'\0', U'a', U'\x7F', U'\x80', U'ż', U'\x7FF', U'\x800', U'▁', U'\xFFFF', U'\x10000', U'\x10FFFF'}) {
        std::string text = "ab";
        append_utf8(text, c);
        EXPECT_EQ(find_invalid_utf8(text), std::nullopt);
        EXPECT_EQ(decode_utf8(text, 2), c);
        EXPECT_EQ(utf8_length(static_cast<unsigned char>(text[2])), text.size() - 2);
    }
}

TEST(Utf8, AppendReplacesWhatIsNoCharacter) {
    for (const std::uint32_t c : {0xD800u, 0xDFFFu, 0x110000u, 0xFFFFFFFFu}) {
        std::string text;
        append_utf8(text, static_cast<char32_t>(c));
        EXPECT_EQ(text, kReplacement);
    }
}

TEST(Printable, EscapesControlsAndIllFormedBytes) {
    EXPECT_EQ(printable("kot\nma\ta\x1b[0m"), "kot\\nma\\ta\\x1b[0m");
    EXPECT_EQ(printable("\x00ż\xFF"s), "\\x00ż\\xff");
    EXPECT_EQ(printable("\xC2\x85\xE2\x80\xA8"), "\\xc2\\x85\\xe2\\x80\\xa8");
}

TEST(Printable, CutsAtACharacter) {
    EXPECT_EQ(printable("abcdef", 6), "abcdef");
    EXPECT_EQ(printable("abcdef", 5), "abcde...");
    EXPECT_EQ(printable("ażź", 4), "aż...");
}

TEST(EditDistance, CountsInsertDeleteSubstituteSwap) {
    EXPECT_EQ(edit_distance("", ""), 0u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
    EXPECT_EQ(edit_distance("abc", ""), 3u);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(edit_distance("gptq", "gpqt"), 1u);
    EXPECT_EQ(edit_distance("ca", "abc"), 3u);
}

TEST(NearestName, FindsWhatWasMeant) {
    const std::vector<std::string> names = {"perplexity", "tokenize", "generate", "inspect"};
    EXPECT_EQ(nearest_name("perplexty", names), "perplexity");
    EXPECT_EQ(nearest_name("tokenise", names), "tokenize");
    EXPECT_EQ(nearest_name("inspcet", names), "inspect");
    EXPECT_EQ(nearest_name("quantize", names), std::nullopt);
    EXPECT_EQ(nearest_name("", names), std::nullopt);
}

TEST(NearestName, NeedsSomethingInCommon) {
    const std::vector<std::string> names = {"ab", "a"};
    EXPECT_EQ(nearest_name("xy", names), std::nullopt);
    EXPECT_EQ(nearest_name("ax", names), "ab");
    EXPECT_EQ(nearest_name(std::string(1 << 20, 'a'), names), std::nullopt);
}

}  // namespace
}  // namespace dwubit
