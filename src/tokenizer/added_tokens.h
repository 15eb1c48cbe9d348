// The "added_tokens" of tokenizer.json: tokens that are recognised in text before anything else happens to it.
//
// Two passes, as Hugging Face does it: tokens that are not "normalized" are looked for in the text as it is; in what
// is left, once normalized, the others are looked for, in their normalized form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

struct AddedToken {
    TokenId id = 0;
    std::string content;
    bool single_word = false;  // only where no word character stands beside it
    bool lstrip = false;       // takes the white space before it along
    bool rstrip = false;       // and after it
    bool normalized = false;
    bool special = false;
};

// The "added_tokens" array. Refuses empty contents, and two tokens of one content or one id.
Result<std::vector<AddedToken>> parse_added_tokens(const Json& json, const std::string& where);

// Finds the leftmost, of those the longest, of some strings.
class PatternTrie {
public:
    // `value` >= 0. Of equal patterns the first counts. `pattern` is not empty.
    void insert(std::string_view pattern, std::int32_t value);

    struct Match {
        std::size_t begin;
        std::size_t end;
        std::int32_t value;
    };
    // The first match that begins at `from` or later.
    std::optional<Match> find(std::string_view text, std::size_t from) const;

private:
    struct Node {
        std::int32_t value = -1;
        std::vector<std::pair<unsigned char, std::uint32_t>> children;  // sorted by byte
    };
    std::optional<Match> match_at(std::string_view text, std::size_t begin) const;

    std::vector<Node> nodes_ = std::vector<Node>(1);
    std::array<bool, 256> starts_{};  // bytes that some pattern begins with
};

class AddedTokens {
public:
    // Error if the normalizer leaves nothing of a token.
    static Result<AddedTokens> build(std::vector<AddedToken> tokens, const Normalizer& normalizer);

    // Cuts a text at the tokens of one kind: `piece` is called with each stretch between them that is not empty, and
    // `token` with the id of each, in order.
    using PieceVisitor = std::function<void(std::string_view)>;
    using TokenVisitor = std::function<void(TokenId)>;
    void split_raw(std::string_view text, const PieceVisitor& piece, const TokenVisitor& token) const;
    void split_normalized(std::string_view text, const PieceVisitor& piece, const TokenVisitor& token) const;

    const std::vector<AddedToken>& tokens() const { return tokens_; }

private:
    void split(const PatternTrie& trie, std::string_view text, const PieceVisitor& piece,
               const TokenVisitor& token) const;

    std::vector<AddedToken> tokens_;
    PatternTrie raw_;
    PatternTrie normalized_;
};

}  // namespace dwubit
