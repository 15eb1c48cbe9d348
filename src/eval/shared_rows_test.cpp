#include "eval/shared_rows.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "json/json.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {
namespace {

using Ids = std::vector<TokenId>;
using Positions = std::vector<std::int64_t>;

TEST(SharedRows, WhatTextsHaveInCommonOccursOnce) {
    const std::vector<ScoredText> texts = {
        {{1, 5, 9, 8}, 2, false}, {{1, 5, 7}, 1, false}, {{1, 5, 9, 3, 3}, 2, false}, {{2, 4}, 1, false}};
    const SharedRows shared = share_rows(texts);
    // In order: 1 5 | 7, 1 5 9 | 3 3, 1 5 9 | 8, 2 | 4, the last id unread.
    EXPECT_EQ(shared.ids, (Ids{1, 5, 9, 3, 2}));
    EXPECT_EQ(shared.positions, (Positions{0, 1, 2, 3, 0}));
    EXPECT_EQ(shared.ends, (Positions{2, 4, 4, 5}));
    EXPECT_EQ(shared.longest, 4);
    EXPECT_EQ(shared.text_positions, 3 + 2 + 4 + 1);
    std::set<std::vector<std::int64_t>> targets;
    std::int64_t before = 0;
    for (const auto& target : shared.targets) {
        EXPECT_GE(target.row, before);
        before = target.row;
        targets.insert({target.text, target.row, target.id});
    }
    EXPECT_EQ(targets,
              (std::set<std::vector<std::int64_t>>{{0, 1, 9}, {0, 2, 8}, {1, 1, 7}, {2, 2, 3}, {2, 3, 3}, {3, 4, 4}}));
}

TEST(SharedRows, EqualTextsShareEverything) {
    const std::vector<ScoredText> texts(3, ScoredText{{1, 2, 3}, 1, false});
    const SharedRows shared = share_rows(texts);
    EXPECT_EQ(shared.ids, (Ids{1, 2}));
    EXPECT_EQ(shared.targets.size(), 3u);
    EXPECT_TRUE(share_rows({}).ids.empty());
}

struct Task {
    const char* name;
    std::function<std::string(const Json&)> prompt;
    double ceiling;  // of positions per position evaluated, by the documents as recorded
};

std::string text(const Json& document, const char* key) {
    return document.at(key).get<std::string>();
}

const Task kTasks[] = {
    {"dzialy",
     [](const Json& d) {
         return "Opis pakietu: " + text(d, "text") +
                "\nPytanie: Do jakiego działu należy ten pakiet: gry, sieć, nauka, multimedia, grafika, "
                "programowanie, administracja czy tekst?\nOdpowiedź:";
     },
     7.3},
    {"slowo",
     [](const Json& d) {
         return "Uzupełnij brakujące słowo.\nZdanie: " + text(d, "before") + "____" + text(d, "after") + "\nSłowo:";
     },
     3.5},
    {"dalej", [](const Json& d) { return "Dokończ tekst.\nTekst: " + text(d, "context") + "\nDalszy ciąg:"; }, 2.4},
    {"tlumacz",
     [](const Json& d) { return "Przetłumacz na język polski.\nZdanie: " + text(d, "en") + "\nTłumaczenie:"; }, 2.15}};

// What sharing saves on real tasks; needs the tokenizer and the documents, not the model.
TEST(SharedRows, ReuseOnOrliksTasks) {
    if (!std::filesystem::exists("data/orlik/dzialy/test.jsonl")) GTEST_SKIP() << "data/orlik is not there: make data";
    const Tokenizer tokenizer = Tokenizer::load("models/orlik/tokenizer.json").value();
    for (const Task& task : kTasks) {
        std::vector<ScoredText> texts;
        std::ifstream file(std::string("data/orlik/") + task.name + "/test.jsonl");
        for (std::string line; std::getline(file, line);) {
            const Json document = parse_json(line).value();
            const std::string prompt = task.prompt(document);
            const auto context = static_cast<std::int64_t>(tokenizer.encode(prompt, true)->size());
            for (const Json& choice : document.at("choices")) {
                auto ids = tokenizer.encode(prompt + " " + choice.get<std::string>(), true).value();
                const std::int64_t scored = static_cast<std::int64_t>(ids.size()) - context;
                texts.push_back({std::move(ids), scored, false});
            }
        }
        const SharedRows shared = share_rows(texts);
        const double ratio = static_cast<double>(shared.text_positions) / static_cast<double>(shared.ids.size());
        EXPECT_GE(ratio, 0.8 * task.ceiling) << task.name;
    }
}

}  // namespace
}  // namespace dwubit
