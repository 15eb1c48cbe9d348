// What a Tokenizer holds: the parts of tokenizer.json in the order in which text goes through them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/decoder.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/template_processor.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

// A token and how it is decoded. As in Hugging Face's, an added token that is "normalized" is decoded as its normalized
// form, and skip_special leaves out what is decoded as the content of some special token.
struct TokenEntry {
    TokenInfo info;
    std::string decoded;  // what the decoder gets
    bool skipped = false;
};

struct Tokenizer::Impl {
    AddedTokens added;
    Normalizer normalizer;
    PreTokenizer pre_tokenizer;
    BpeModel model;
    TextTemplate around;
    Decoder decoder;

    std::unordered_map<TokenId, TokenEntry> tokens;  // the model's and the added ones
    VocabularyMap added_ids;
    std::int32_t vocab_size = 0;
    std::string sha256;

    // Reads and checks the file's members. `where` names the file in messages.
    static Result<std::unique_ptr<Impl>> read(const Json& json, const std::string& where);

    // Text of `id` for the decoder: nullptr for a token left out by skip_special. Error for an id that no token has.
    Result<const std::string*> text_to_decode(TokenId id, bool skip_special) const;

private:
    Result<void> collect_tokens(const std::string& where);
    Result<void> check_template(const std::string& where) const;
};

}  // namespace dwubit
