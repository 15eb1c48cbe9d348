#include "json/json.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace dwubit {
namespace {

std::string message_of(std::string_view text, const JsonLimits& limits = {}) {
    auto result = parse_json(text, limits);
    return result.ok() ? "parsed" : result.error().message;
}

std::string repeated(std::string_view part, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += part;
    return out;
}

TEST(ParseJson, ReadsEveryKindOfValue) {
    auto parsed =
        parse_json(R"( {"a": [1, -2, 3.5, 18446744073709551615], "b": {"c": null, "d": true}, "ż": "\u0142"} )");
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    const Json& json = *parsed;
    EXPECT_EQ(json["a"][0], 1);
    EXPECT_EQ(json["a"][1], -2);
    EXPECT_EQ(json["a"][2], 3.5);
    EXPECT_EQ(json["a"][3].get<std::uint64_t>(), 18446744073709551615u);
    EXPECT_TRUE(json["b"]["c"].is_null());
    EXPECT_EQ(json["b"]["d"], true);
    EXPECT_EQ(json["ż"], "ł");
}

TEST(ParseJson, ReadsTopLevelScalarsAndNestedContainers) {
    EXPECT_EQ(parse_json("7").value(), 7);
    EXPECT_EQ(parse_json("\"x\"\n").value(), "x");
    EXPECT_EQ(parse_json("[[],{},[[{\"k\":[{}]}]]]").value().dump(), "[[],{},[[{\"k\":[{}]}]]]");
}

TEST(ParseJson, RefusesWithPlaceAndReason) {
    struct Case {
        std::string text;
        std::string expected;
    };
    const Case cases[] = {
        {"", "line 1, column 1: syntax error while parsing value - unexpected end of input"},
        {"{\"a\": 1,\n \"b\": 2,\n \"a\": 3}", "line 3, column 4: duplicate key 'a'"},
        {"{\"x\": {\"k\": 1, \"k\": 1}}", "line 1, column 18: duplicate key 'k'"},
        {"[1, 2] 3", "line 1, column 8: syntax error while parsing value - unexpected number literal; expected end of"},
        {"[1e999]", "line 1, column 7: number overflow parsing '1e999'"},
        {"[18446744073709551616]", "integer 18446744073709551616 does not fit into 64 bits"},
        {"[-9223372036854775809]", "integer -9223372036854775809 does not fit into 64 bits"},
        {"[NaN]", "line 1, column 2: syntax error"},
        {"{\"a\": \"\xff\"}", "line 1, column 8: syntax error while parsing value - invalid string: ill-formed UTF-8"},
        {"{\"a\": \"\xed\xa0\x80\"}", "ill-formed UTF-8"},
        {"[\"\\ud800\"]", "surrogate"},
        {"[1,]", "line 1, column 4: syntax error"},
        {"{'a': 1}", "line 1, column 2: syntax error"},
        {"[1", "line 1, column 2: syntax error"},
    };
    for (const Case& c : cases) {
        EXPECT_NE(message_of(c.text).find(c.expected), std::string::npos) << c.text << " -> " << message_of(c.text);
    }
}

TEST(ParseJson, BoundsDepthAndSize) {
    JsonLimits limits;
    limits.max_depth = 4;
    EXPECT_EQ(message_of("[[[[1]]]]", limits), "parsed");
    EXPECT_EQ(message_of("[[[[[1]]]]]", limits), "line 1, column 5: nested deeper than 4 levels");
    EXPECT_EQ(message_of("{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}", limits),
              "line 1, column 21: nested deeper than 4 levels");
    EXPECT_EQ(message_of(repeated("[", 100000)), "line 1, column 65: nested deeper than 64 levels");
    limits.max_bytes = 3;
    EXPECT_EQ(message_of("[1, 2]", limits), "JSON of 6 bytes; at most 3 are read");
}

TEST(ParseJson, DeepValuesAreDestroyedWithoutRecursion) {
    JsonLimits limits;
    limits.max_depth = 1000000;
    {
        auto deep = parse_json(repeated("[", 300000) + repeated("]", 300000), limits);
        ASSERT_TRUE(deep.ok());
    }
    EXPECT_NE(message_of(repeated("{\"a\":[", 100000), limits).find("unexpected end of input"), std::string::npos);
}

TEST(ParseJson, LongTokensAreCutInMessages) {
    EXPECT_LT(message_of("[\"" + std::string(100000, 'x') + "\" 1]").size(), 400u);
    EXPECT_LT(message_of("[" + std::string(100000, '9') + "]").size(), 400u);
}

TEST(DumpJson, ReplacesWhatJsonCannotHold) {
    const Json value = {{"nan", std::nan("")}, {"inf", std::numeric_limits<double>::infinity()}, {"text", "a\xff"}};
    EXPECT_EQ(dump_json(value), "{\"inf\":null,\"nan\":null,\"text\":\"a\xef\xbf\xbd\"}");
    EXPECT_EQ(dump_json(Json{{"a", 1}}, 2), "{\n  \"a\": 1\n}");
}

class FieldsTest : public ::testing::Test {
protected:
    Json json_ = Json::parse(R"({"n": 7, "neg": -3, "big": 18446744073709551615, "f": 0.5, "b": true, "s": "text",
                                 "null": null, "list": [1, 2], "object": {"x": 1}, "long": [1,2,3,4,5,6,7,8,9]})");
    Fields fields_{json_, "config.json"};
};

TEST_F(FieldsTest, ReadsMembersAndFallbacks) {
    EXPECT_EQ(fields_.integer("n", 0, 10).value(), 7);
    EXPECT_EQ(fields_.integer("absent", 0, 10, 5).value(), 5);
    EXPECT_EQ(fields_.integer("null", 0, 10, 5).value(), 5);
    EXPECT_EQ(fields_.number("f", 0, 1).value(), 0.5);
    EXPECT_EQ(fields_.number("n", 0, 10).value(), 7.0);
    EXPECT_EQ(fields_.boolean("b").value(), true);
    EXPECT_EQ(fields_.boolean("absent", false).value(), false);
    EXPECT_EQ(fields_.string("s").value(), "text");
    EXPECT_EQ((*fields_.object("object").value())["x"], 1);
    EXPECT_EQ(fields_.array("list").value()->size(), 2u);
    EXPECT_FALSE(fields_.has("null"));
    EXPECT_TRUE(fields_.has("n"));
}

TEST_F(FieldsTest, MessagesNameFileMemberAndRange) {
    EXPECT_EQ(fields_.integer("s", 1, 9).error().message,
              "config.json: 's' must be an integer from 1 to 9, got \"text\"");
    EXPECT_EQ(fields_.integer("neg", 1, 9).error().message,
              "config.json: 'neg' must be an integer from 1 to 9, got -3");
    EXPECT_EQ(fields_.integer("big", -5, INT64_MAX).error().message,
              "config.json: 'big' must be an integer from -5 to 9223372036854775807, got 18446744073709551615");
    EXPECT_EQ(fields_.integer("f", 0, 9).error().message, "config.json: 'f' must be an integer from 0 to 9, got 0.5");
    EXPECT_EQ(fields_.integer("gone", 0, 9).error().message,
              "config.json: 'gone' must be an integer from 0 to 9, but it is missing");
    EXPECT_EQ(fields_.number("b", 0, 1).error().message, "config.json: 'b' must be a number from 0 to 1, got true");
    EXPECT_EQ(fields_.boolean("n").error().message, "config.json: 'n' must be true or false, got 7");
    EXPECT_EQ(fields_.string("list").error().message, "config.json: 'list' must be a string, got [1,2]");
    EXPECT_EQ(fields_.string("long").error().message,
              "config.json: 'long' must be a string, got an array of 9 elements");
    EXPECT_EQ(fields_.array("object").error().message,
              "config.json: 'object' must be an array, got an object of 1 members");
    EXPECT_EQ(fields_.object("null").error().message, "config.json: 'null' must be an object, but it is missing");
}

TEST(Fields, OfSomethingThatIsNoObjectHasNothing) {
    const Json list = Json::array({1});
    EXPECT_FALSE(Fields(list, "x").has("0"));
    EXPECT_FALSE(Fields(list, "x").integer("0", 0, 1).ok());
}

}  // namespace
TEST(OrderedJson, MembersKeepTheFilesOrder) {
    const auto value = parse_ordered_json(R"({"z": {"b": [1, {"y": 2, "a": 3}], "a": null}, "c": "x", "a": 1.5})");
    ASSERT_TRUE(value.ok()) << value.error().message;
    EXPECT_EQ(dump_json(*value), R"({"z":{"b":[1,{"y":2,"a":3}],"a":null},"c":"x","a":1.5})");
}

TEST(OrderedJson, RefusesDuplicatesAndHugeObjects) {
    EXPECT_NE(parse_ordered_json(R"({"b": 1, "a": 2, "b": 3})").error().message.find("duplicate key 'b'"),
              std::string::npos);
    std::string text = "{";
    for (int i = 0; i <= 10'000; ++i) text += fmt::format("{}\"{}\":0", i > 0 ? "," : "", i);
    EXPECT_NE(parse_ordered_json(text + "}").error().message.find("more than 10000 members"), std::string::npos);
}

}  // namespace dwubit
