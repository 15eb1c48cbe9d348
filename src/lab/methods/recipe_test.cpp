#include "lab/methods/recipe.h"

#include <gtest/gtest.h>

#include "lab/failure.h"

namespace dwubit::lab {
namespace {

const std::vector<OptionSpec> kOptions = {integer_option("group", 128, 0, 4096, "weights per scale"),
                                          number_option("damping", 0.01, 0, 1, "damping"),
                                          choice_option("order", {"natural", "activation"}, "order")};
const std::vector<RecipeSpec> kRecipes = {{"g128", {}}, {"g64", {{"group", 64}}}};

Parameters resolve(std::string_view recipe, std::vector<std::pair<std::string, std::string>> settings) {
    return resolve_parameters("demo", kOptions, kRecipes, recipe, settings);
}

Error failure_of(std::string_view recipe, std::vector<std::pair<std::string, std::string>> settings) {
    try {
        resolve(recipe, std::move(settings));
    } catch (const Failure& failure) {
        return failure.error();
    }
    ADD_FAILURE() << "accepted";
    return {};
}

TEST(Recipe, FallbacksThenRecipeThenSettings) {
    EXPECT_EQ(resolve("g128", {}).integer("group"), 128);
    EXPECT_EQ(resolve("g64", {}).integer("group"), 64);
    const Parameters parameters = resolve("g64", {{"group", "32"}, {"damping", "0.5"}, {"order", "activation"}});
    EXPECT_EQ(parameters.integer("group"), 32);
    EXPECT_EQ(parameters.number("damping"), 0.5);
    EXPECT_EQ(parameters.choice("order"), "activation");
    EXPECT_EQ(parameters.json(), (Json{{"group", 32}, {"damping", 0.5}, {"order", "activation"}}));
}

TEST(Recipe, RefusalsNameTheOptionAndWhatWouldBeRight) {
    EXPECT_EQ(failure_of("g128", {{"grup", "1"}}).hint, "did you mean 'group'?");
    EXPECT_EQ(failure_of("g46", {}).hint, "did you mean 'g64'?");
    EXPECT_NE(failure_of("g128", {{"group", "5000"}}).message.find("group=5000: must be an integer from 0 to 4096"),
              std::string::npos);
    EXPECT_NE(failure_of("g128", {{"group", "12x"}}).message.find("an integer"), std::string::npos);
    EXPECT_NE(failure_of("g128", {{"damping", "nan"}}).message.find("a number from 0 to 1"), std::string::npos);
    EXPECT_NE(failure_of("g128", {{"order", "best"}}).message.find("one of natural, activation"), std::string::npos);
    EXPECT_NE(failure_of("g128", {{"group", "1"}, {"group", "2"}}).message.find("twice"), std::string::npos);
    EXPECT_EQ(failure_of("g128", {{"x", "1"}}).kind, ErrorKind::kUsage);
}

TEST(Recipe, IsDescribedWithItsOwnDefaults) {
    const Json described = recipes_json(kOptions, kRecipes);
    EXPECT_EQ(described[1]["name"], "g64");
    EXPECT_EQ(described[1]["options"]["group"]["default"], 64);
    EXPECT_EQ(described[0]["options"]["group"]["max"], 4096);
    EXPECT_EQ(described[0]["options"]["order"]["choices"], (Json{"natural", "activation"}));
}

}  // namespace
}  // namespace dwubit::lab
