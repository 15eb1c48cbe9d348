// How GGUF names tokenizers, for its reader and writer: kinds of tokens, and what `tokenizer.ggml.pre` stands for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "json/json.h"

namespace dwubit {

// tokenizer.ggml.token_type
enum class GgufTokenType : std::int32_t {
    kNormal = 1,
    kUnknown = 2,
    kControl = 3,
    kUserDefined = 4,
    kUnused = 5,
    kByte = 6,
};

// How one kind of byte-level BPE splits text before it merges, in tokenizer.json's words.
struct GgufPreTokenizer {
    std::span<const std::string_view> names;  // of tokenizer.ggml.pre; the first is the one that is written
    bool ignore_merges = false;
    bool nfc = false;      // the models' own tokenizers normalize
    bool add_bos = false;  // where add_bos_token is not in the file
    Json (*pre_tokenizer)() = nullptr;
};

std::span<const GgufPreTokenizer> gguf_pre_tokenizers();
// nullptr: not known.
const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name);

// Blanks in SentencePiece vocabularies: U+2581.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

}  // namespace dwubit
