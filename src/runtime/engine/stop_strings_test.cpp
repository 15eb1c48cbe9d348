#include "runtime/engine/stop_strings.h"

#include <gtest/gtest.h>

namespace dwubit {
namespace {

struct Outcome {
    std::string text;
    bool stopped;
    bool operator==(const Outcome&) const = default;
};

Outcome run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
    StopStrings filter(stops);
    std::string text;
    for (const std::string& piece : pieces) text += filter.push(piece);
    text += filter.finish();
    return {text, filter.stopped()};
}

// Every way to cut `text` in two and, at each byte, in all.
void expect_for_all_cuts(const std::vector<std::string>& stops, const std::string& text, const Outcome& want) {
    std::vector<std::string> bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        EXPECT_EQ(run(stops, {text.substr(0, i), text.substr(i)}), want) << text << " cut at " << i;
        bytes.push_back(text.substr(i, 1));
    }
    EXPECT_EQ(run(stops, bytes), want) << text;
}

TEST(StopStrings, TextBeforeTheStopIsKept) {
    expect_for_all_cuts({"END"}, "kot END pies", {"kot ", true});
    expect_for_all_cuts({"END"}, "kot EN pies E", {"kot EN pies E", false});
    expect_for_all_cuts({"\n\n", "Q:"}, "a\nb Q: c\n\n", {"a\nb ", true});
    expect_for_all_cuts({"aab"}, "aaaab", {"aa", true});
    expect_for_all_cuts({"END"}, "END", {"", true});
    expect_for_all_cuts({}, "kot", {"kot", false});
}

TEST(StopStrings, TheOneThatIsCompleteFirstCounts) {
    expect_for_all_cuts({"abcd", "bc"}, "xabcd", {"xa", true});
    expect_for_all_cuts({"bc", "abc"}, "xabcd", {"x", true});
}

TEST(StopStrings, HoldsBackOnlyWhatMayBecomeAStop) {
    StopStrings filter({"<end>", "d>x"});
    EXPECT_EQ(filter.push("kot <"), "kot ");
    EXPECT_EQ(filter.push("en"), "");
    EXPECT_EQ(filter.push("t <e"), "<ent ");
    EXPECT_FALSE(filter.stopped());
    EXPECT_EQ(filter.push("nd>ą"), "");
    EXPECT_TRUE(filter.stopped());
    EXPECT_EQ(filter.push("more") + filter.finish(), "");
}

}  // namespace
}  // namespace dwubit
