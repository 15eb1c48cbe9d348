#include "tokenizer/string_replacer.h"

#include <gtest/gtest.h>

namespace dwubit {
namespace {

// Leftmost occurrences that do not overlap, by std::string::find.
std::string replaced_by_search(std::string text, const std::string& pattern, const std::string& replacement) {
    for (std::size_t at = 0; (at = text.find(pattern, at)) != std::string::npos; at += replacement.size()) {
        text.replace(at, pattern.size(), replacement);
    }
    return text;
}

// All texts of the letters a and b up to a length.
std::vector<std::string> all_texts(std::size_t length) {
    std::vector<std::string> texts = {""};
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (texts[i].size() == length) break;
        texts.push_back(texts[i] + "a");
        texts.push_back(texts[i] + "b");
    }
    return texts;
}

TEST(StringReplacer, EqualsASearchForAnyPatternAndAnyCut) {
    for (const std::string& pattern : all_texts(4)) {
        if (pattern.empty()) continue;
        const StringReplacer replacer(pattern, "<x>");
        for (const std::string& text : all_texts(8)) {
            const std::string want = replaced_by_search(text, pattern, "<x>");
            EXPECT_EQ(replacer.replace(text), want) << pattern << " in " << text;
            StringReplacer::State state;
            std::string out;
            replacer.append(state, text.substr(0, text.size() / 2), out);
            replacer.append(state, text.substr(text.size() / 2), out);
            replacer.finish(state, out);
            EXPECT_EQ(out, want) << pattern << " in " << text << ", cut";
        }
    }
}

TEST(StringReplacer, HoldsBackOnlyWhatMayBecomeAnOccurrence) {
    const StringReplacer replacer("aab", "-");
    StringReplacer::State state;
    std::string out;
    replacer.append(state, "xaaa", out);
    EXPECT_EQ(out, "xa");
    replacer.append(state, "b", out);
    EXPECT_EQ(out, "xa-");
}

TEST(StringReplacer, GrowthBoundsTheLength) {
    EXPECT_EQ(StringReplacer(" ", "▁").growth(), 3u);
    EXPECT_EQ(StringReplacer("▁", " ").growth(), 1u);
    EXPECT_EQ(StringReplacer("ab", "").growth(), 1u);
}

}  // namespace
}  // namespace dwubit
