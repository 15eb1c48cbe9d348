#include "eval/generation_options.h"

#include <gtest/gtest.h>

namespace dwubit {
namespace {

TextGeneration options_of(const char* json) {
    auto options = text_generation(parse_ordered_json(json).value());
    EXPECT_TRUE(options.ok()) << (options.ok() ? "" : options.error().message);
    return std::move(*options);
}

std::string error_of(const char* json) {
    const auto options = text_generation(parse_ordered_json(json).value());
    return options.ok() ? "" : options.error().message;
}

TEST(GenerationOptions, DefaultsAreTheHarness) {
    const TextGeneration options = options_of("{}");
    EXPECT_TRUE(options.until.empty());
    EXPECT_EQ(options.max_tokens, 256);
    EXPECT_EQ(options.sampler.temperature, 0);
    EXPECT_EQ(options.sampler.repeat_penalty, 1);
}

TEST(GenerationOptions, EveryKeyIsTaken) {
    const TextGeneration options = options_of(
        R"({"until": ["\n", "", "Q:"], "max_gen_toks": 7, "do_sample": true, "temperature": 0.5, "top_k": 9,
            "top_p": 0.25, "min_p": 0.125, "repetition_penalty": 1.5})");
    EXPECT_EQ(options.until, (std::vector<std::string>{"\n", "Q:"}));
    EXPECT_EQ(options.max_tokens, 7);
    EXPECT_EQ(options.sampler.temperature, 0.5);
    EXPECT_EQ(options.sampler.top_k, 9);
    EXPECT_EQ(options.sampler.top_p, 0.25);
    EXPECT_EQ(options.sampler.min_p, 0.125);
    EXPECT_EQ(options.sampler.repeat_penalty, 1.5);
    EXPECT_EQ(options.sampler.repeat_last_n, -1);
    EXPECT_EQ(options_of(R"({"until": "x"})").until, std::vector<std::string>{"x"});
}

TEST(GenerationOptions, SamplingFollowsTheTemperature) {
    EXPECT_EQ(options_of(R"({"temperature": 0.5})").sampler.temperature, 0.5);
    EXPECT_EQ(options_of(R"({"temperature": 0.5, "do_sample": false})").sampler.temperature, 0);
    EXPECT_EQ(options_of(R"({"temperature": 0.0, "do_sample": null})").sampler.temperature, 0);
    EXPECT_NE(error_of(R"({"do_sample": true})").find("temperature above 0"), std::string::npos);
}

TEST(GenerationOptions, LengthHasFourNames) {
    EXPECT_EQ(options_of(R"({"max_tokens": 3, "max_new_tokens": 4})").max_tokens, 4);
    EXPECT_EQ(options_of(R"({"max_completion_tokens": 5, "max_gen_toks": null})").max_tokens, 5);
}

TEST(GenerationOptions, WhatMakesNoSenseIsNamed) {
    EXPECT_EQ(error_of(R"({"num_beams": 4})"), "generation_kwargs: unknown key 'num_beams'");
    EXPECT_EQ(text_generation(parse_ordered_json(R"({"untill": "x"})").value()).error().hint, "did you mean until?");
    EXPECT_NE(error_of(R"({"until": 3})").find("'until' must be"), std::string::npos);
    EXPECT_NE(error_of(R"({"until": ["a", 3]})").find("'until' must be"), std::string::npos);
    EXPECT_NE(error_of(R"({"max_gen_toks": 0})").find("'max_gen_toks'"), std::string::npos);
    EXPECT_NE(error_of(R"({"temperature": -1})").find("'temperature'"), std::string::npos);
    EXPECT_NE(error_of(R"({"do_sample": "yes"})").find("'do_sample'"), std::string::npos);
    EXPECT_NE(error_of(R"([1])").find("mapping"), std::string::npos);
}

TEST(GenerationOptions, TextIsCutAtOneStringAfterTheOther) {
    EXPECT_EQ(cut_at("one\ntwo. three", {".", "\n"}), "one");
    EXPECT_EQ(cut_at("xab", {"b", "ab"}), "xa");
    EXPECT_EQ(cut_at("xab", {"ab", "b"}), "x");
    EXPECT_EQ(cut_at("x", {"ab"}), "x");
}

}  // namespace
}  // namespace dwubit
