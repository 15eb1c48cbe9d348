#include "checkpoint/gguf_vocabulary.h"

#include <algorithm>
#include <array>

namespace dwubit {
namespace {

constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kTekken = R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
                                R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
                                R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

Json byte_level(bool use_regex) {
    return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

// Each pattern cuts what the one before left; matches and what lies between them are kept.
Json split_then_bytes(std::initializer_list<const char*> patterns) {
    Json steps = Json::array();
    for (const char* pattern : patterns) {
        steps.push_back(
            {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}});
    }
    steps.push_back(byte_level(false));
    return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

Json gpt2() {
    return byte_level(true);
}

Json digits_gpt2() {
    return {{"type", "Sequence"},
            {"pretokenizers", Json::array({{{"type", "Digits"}, {"individual_digits", true}}, byte_level(true)})}};
}

Json llama3() {
    return split_then_bytes({kLlama3});
}

Json qwen2() {
    return split_then_bytes({kQwen2});
}

Json tekken() {
    return split_then_bytes({kTekken});
}

// What llama.cpp takes where a file names nothing better.
Json plain() {
    return split_then_bytes({R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", R"([0-9][0-9][0-9])"});
}

using Names = std::string_view;
constexpr std::array<Names, 4> kLlama3Names = {"llama-bpe", "llama3", "llama-v3", "falcon3"};
constexpr std::array<Names, 1> kSmaugNames = {"smaug-bpe"};
constexpr std::array<Names, 4> kQwen2Names = {"qwen2", "deepseek-r1-qwen", "stablelm2", "megrez"};
constexpr std::array<Names, 1> kTekkenNames = {"tekken"};
constexpr std::array<Names, 7> kDigitsNames = {"smollm",    "starcoder", "refact",    "command-r",
                                               "codeshell", "exaone",    "minerva-7b"};
constexpr std::array<Names, 6> kGpt2Names = {"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "mellum"};
constexpr std::array<Names, 1> kPlainNames = {"default"};

constexpr std::array<GgufPreTokenizer, 7> kPreTokenizers = {{
    {kLlama3Names, /*ignore_merges=*/true, /*nfc=*/false, /*add_bos=*/true, llama3},
    {kTekkenNames, true, false, true, tekken},
    {kSmaugNames, false, false, false, llama3},
    {kQwen2Names, false, true, false, qwen2},
    {kDigitsNames, false, false, false, digits_gpt2},
    {kGpt2Names, false, false, false, gpt2},
    {kPlainNames, false, false, false, plain},
}};

}  // namespace

std::span<const GgufPreTokenizer> gguf_pre_tokenizers() {
    return kPreTokenizers;
}

const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name) {
    for (const GgufPreTokenizer& row : kPreTokenizers) {
        if (std::find(row.names.begin(), row.names.end(), name) != row.names.end()) return &row;
    }
    return nullptr;
}

}  // namespace dwubit
