#include "study/study_file.h"

#include <gtest/gtest.h>

namespace dwubit {
namespace {

constexpr const char* kHead = "model = \"../models/m\"\n[corpus]\ncalibration = \"c.jsonl\"\nheldout = \"h.jsonl\"\n";

Result<Study> parse(const std::string& text) {
    return parse_study(text, "studies/s.toml");
}

// The error of kHead with `more` behind it.
Error refused(const std::string& more) {
    const auto study = parse(kHead + more);
    EXPECT_FALSE(study.ok()) << more;
    return study.ok() ? Error{} : study.error();
}

TEST(StudyFile, ReadsAWholeStudy) {
    const auto study = parse(R"(
name = "one"
title = "Which?"
model = "../models/m"
seed = 7
[corpus]
calibration = "c.jsonl"
heldout = "/data/h.jsonl"
field = "body"
bos = false
doc-end = "none"
[calibrate]
sequences = 8
length = 64
dtype = "bfloat16"
[perplexity]
window = 32
convention = "inside"
limit = 3
kl = false
act = "f32"
[eval]
tasks = ["a", "b"]
include = "../tasks"
datasets = ["../data", "more"]
num_fewshot = 2
limit = 0.5
bootstrap_iters = 100
harness = "polish"
[methods]
zulu = { method = "gptq", recipe = "channel", layers = "0,2-3", set = { group = 64, grid = "zero", damping = 0.5 } }
rtn = {}
[budget]
hours = 2
usd = 3.5
usd_per_hour = 1.75
memory_gb = 8
disk_gb = 10
)");
    ASSERT_TRUE(study.ok()) << study.error().message;
    EXPECT_EQ(study->name, "one");
    EXPECT_EQ(study->title, "Which?");
    EXPECT_EQ(study->model, "models/m");
    EXPECT_EQ(study->seed, 7U);
    EXPECT_EQ(study->corpus.calibration, "studies/c.jsonl");
    EXPECT_EQ(study->corpus.heldout, "/data/h.jsonl");
    EXPECT_EQ(study->corpus.field, "body");
    EXPECT_FALSE(study->corpus.add_bos);
    EXPECT_EQ(study->corpus.document_end, "none");
    EXPECT_EQ(study->calibration.sequences, 8);
    EXPECT_EQ(study->calibration.dtype, "bfloat16");
    ASSERT_TRUE(study->perplexity);
    EXPECT_EQ(study->perplexity->convention, "inside");
    EXPECT_EQ(study->perplexity->limit, 3);
    EXPECT_FALSE(study->perplexity->kl);
    ASSERT_TRUE(study->eval);
    EXPECT_EQ(study->eval->tasks, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(study->eval->include, (std::vector<std::filesystem::path>{"tasks"}));
    EXPECT_EQ(study->eval->datasets, (std::vector<std::filesystem::path>{"data", "studies/more"}));
    EXPECT_EQ(study->eval->limit, 0.5);
    // In the file's order, not the alphabet's.
    ASSERT_EQ(study->methods.size(), 2U);
    EXPECT_EQ(study->methods[0].id, "zulu");
    EXPECT_EQ(study->methods[0].method, "gptq");
    EXPECT_EQ(study->methods[0].layers, "0,2-3");
    const std::vector<std::pair<std::string, std::string>> settings = {
        {"group", "64"}, {"grid", "zero"}, {"damping", "0.5"}};
    EXPECT_EQ(study->methods[0].settings, settings);
    EXPECT_EQ(study->methods[1].method, "rtn");
    EXPECT_EQ(study->budget.usd_per_hour, 1.75);
}

TEST(StudyFile, DefaultsAreThoseOfTheCommands) {
    const auto study = parse("model = \"m\"\n");
    ASSERT_TRUE(study.ok()) << study.error().message;
    EXPECT_EQ(study->name, "s");
    EXPECT_EQ(study->title, "s");
    EXPECT_FALSE(study->perplexity);
    EXPECT_FALSE(study->eval);
    EXPECT_TRUE(study->methods.empty());
    EXPECT_EQ(study->calibration.sequences, 512);
    EXPECT_EQ(study->calibration.length, 1024);
}

TEST(StudyFile, TyposGetTheNearestKeyAndALine) {
    Error error = refused("[perplexity]\nwindo = 3\n");
    EXPECT_EQ(error.message, "studies/s.toml:6: 'windo' in [perplexity] is no key that a study file has there");
    EXPECT_EQ(error.hint, "did you mean 'window'?");
    error = refused("[metods]\nrtn = {}\n");
    EXPECT_EQ(error.hint, "did you mean 'methods'?");
    error = refused("[methods]\nrtn = { recepi = \"x\" }\n");
    EXPECT_NE(error.message.find("'recepi' in [methods.rtn]"), std::string::npos) << error.message;
    EXPECT_EQ(error.hint, "did you mean 'recipe'?");
    error = refused("[methods]\nrtn = { zzzzzzzz = 1 }\n");
    EXPECT_EQ(error.hint, "there are: method, recipe, layers, set");
}

TEST(StudyFile, ValuesOfAnotherTypeOrRangeAreRefused) {
    const std::pair<const char*, const char*> cases[] = {
        {"[calibrate]\nsequences = 0\n", "must be an integer from 1 to"},
        {"[calibrate]\nsequences = \"8\"\n", "must be an integer from 1 to"},
        {"[calibrate]\nsequences = 8.0\n", "must be an integer from 1 to"},
        {"[calibrate]\ndtype = \"float16\"\n", "must be one of float32, bfloat16"},
        {"[perplexity]\nkl = 1\n", "must be true or false"},
        {"[perplexity]\nconvention = \"other\"\n", "must be one of carry, inside"},
        {"[eval]\nlimit = 3\n", "'tasks' in [eval] is missing"},
        {"[eval]\ntasks = []\n", "must be a text or a list of texts"},
        {"[eval]\ntasks = [\"a\", 3]\n", "must be a text or a list of texts"},
        {"[eval]\ntasks = \"a\"\nlimit = inf\n", "must be a number from 0 to"},
        {"[eval]\ntasks = \"a\"\nlimit = nan\n", "must be a number from 0 to"},
        {"[methods]\nrtn = \"g128\"\n", "'rtn' in [methods] must be a table"},
        {"[methods]\nrtn = { set = { group = [1] } }\n", "must be a number, a text, true or false"},
        {"[methods]\nrtn = { recipe = \"\" }\n", "must be a text in quotes"},
        {"[methods]\nbase = {}\n", "is the unquantized model's name"},
        {"[methods]\n\"a/b\" = {}\n", "it names a folder"},
        {"[methods]\n\"..\" = {}\n", "it names a folder"},
        {"[budget]\nusd = 3\n", "needs usd_per_hour"},
        {"[budget]\nhours = -1\n", "must be a number from 0 to"},
    };
    for (const auto& [text, expected] : cases) {
        const Error error = refused(text);
        EXPECT_EQ(error.kind, ErrorKind::kInvalidInput) << text;
        EXPECT_NE(error.message.find(expected), std::string::npos) << text << error.message;
        EXPECT_EQ(error.message.rfind("studies/s.toml:", 0), 0U) << error.message;
    }
}

TEST(StudyFile, WhatBelongsTogetherIsAskedFor) {
    EXPECT_NE(parse("title = \"x\"\n").error().message.find("'model' is missing"), std::string::npos);
    EXPECT_NE(parse("model = \"m\"\n[perplexity]\n").error().message.find("needs heldout"), std::string::npos);
    EXPECT_NE(parse("model = \"m\"\n[methods]\nrtn = {}\n").error().message.find("need calibration"),
              std::string::npos);
}

TEST(StudyFile, BrokenTextNamesTheLine) {
    const auto study = parse("model = \"m\"\nname = \n");
    ASSERT_FALSE(study.ok());
    EXPECT_EQ(study.error().message.rfind("studies/s.toml:2: ", 0), 0U) << study.error().message;
    EXPECT_FALSE(parse("model = \"\xff\"").ok());
    // What toml++ has assertions for.
    EXPECT_FALSE(parse("model = \"m\"\n[\n").ok());
    EXPECT_FALSE(parse("[ \n").ok());
    const auto bare = parse("model = \"m\" # zażółć\ntitle = \"gęślą \\\" jaźń\"\nżółw = 3\n");
    ASSERT_FALSE(bare.ok());
    EXPECT_EQ(bare.error().message, "studies/s.toml:3: a character outside ASCII that is not in quotes");
    EXPECT_FALSE(parse("model = \"m\"\nmodel = \"n\"\n").ok());
    EXPECT_FALSE(parse(std::string("model = \"m\"\n\0", 13)).ok());
    EXPECT_FALSE(read_study("/no/such/study.toml").ok());
}

}  // namespace
}  // namespace dwubit
