// A tokenizer for the tiny models' vocabulary of 96, of orlik's kind: characters, a few merges, "▁" for blanks, BOS
// <s>.
#pragma once

#include <fmt/format.h>

#include <string>

#include "json/json.h"
#include "tokenizer/tokenizer.h"

namespace dwubit::testing {

// 0 <unk>, 1 <s>, 2 </s>, 3 "▁", 4-29 "a"-"z", 30 newline, 31 ".", 32 "▁a", 33 "ab", 34 "▁ab", 35 "la", 36 "▁la"; the
// others stand for texts that encoding does not make.
inline Json tiny_tokenizer_json(bool bos = true) {
    Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}, {"▁", 3},   {"\n", 30}, {".", 31},
                  {"▁a", 32},   {"ab", 33}, {"▁ab", 34}, {"la", 35}, {"▁la", 36}};
    for (int i = 0; i < 26; ++i) vocab[std::string(1, static_cast<char>('a' + i))] = 4 + i;
    for (int i = 37; i < 96; ++i) vocab[fmt::format("{}{}", static_cast<char>('a' + i % 26), i % 7)] = i;
    const auto added = [](int id, const char* content) {
        return Json{{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                    {"rstrip", false}, {"normalized", false}, {"special", true}};
    };
    const Json sequence = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
    const Json start = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
    Json single = Json::array();
    if (bos) single.push_back(start);
    single.push_back(sequence);
    return {{"version", "1.0"},
            {"added_tokens", Json::array({added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")})},
            {"normalizer", {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}},
            {"pre_tokenizer", nullptr},
            {"post_processor",
             {{"type", "TemplateProcessing"},
              {"single", single},
              {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
            {"decoder",
             {{"type", "Sequence"},
              {"decoders",
               {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
                {{"type", "Fuse"}},
                {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
            {"model",
             {{"type", "BPE"},
              {"unk_token", "<unk>"},
              {"fuse_unk", true},
              {"byte_fallback", false},
              {"vocab", vocab},
              {"merges", {"▁ a", "a b", "▁ ab", "l a", "▁ la"}}}}};
}

inline Tokenizer tiny_tokenizer(bool bos = true) {
    return Tokenizer::parse(tiny_tokenizer_json(bos).dump(), "tiny tokenizer").value();
}

}  // namespace dwubit::testing
