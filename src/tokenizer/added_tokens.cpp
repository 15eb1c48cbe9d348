#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "tokenizer/bpe.h"
#include "tokenizer/word_characters.h"

namespace dwubit {
namespace {

Result<AddedToken> parse_added_token(const Json& json, const std::string& where) {
    if (!json.is_object()) return errorf(ErrorKind::kInvalidInput, "{} must be an object", where);
    const Fields fields(json, where);
    AddedToken token;
    DWUBIT_ASSIGN(const std::int64_t id, fields.integer("id", 0, kMaxTokenIds - 1));
    token.id = static_cast<TokenId>(id);
    DWUBIT_ASSIGN(token.content, fields.string("content"));
    if (token.content.empty()) return fields.invalid("content", "a string that is not empty");
    DWUBIT_ASSIGN(token.single_word, fields.boolean("single_word"));
    DWUBIT_ASSIGN(token.lstrip, fields.boolean("lstrip"));
    DWUBIT_ASSIGN(token.rstrip, fields.boolean("rstrip"));
    DWUBIT_ASSIGN(token.normalized, fields.boolean("normalized"));
    DWUBIT_ASSIGN(token.special, fields.boolean("special"));
    return token;
}

// Start of the character that ends at `end` > 0 of well-formed text.
std::size_t previous_character(std::string_view text, std::size_t end) {
    do --end;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
    return end;
}

bool stands_alone(std::string_view text, const PatternTrie::Match& match) {
    if (match.begin > 0 && is_word_character(decode_utf8(text, previous_character(text, match.begin)))) return false;
    return match.end == text.size() || !is_word_character(decode_utf8(text, match.end));
}

// Where the white space that ends at `end` begins, but not before `limit`.
std::size_t white_space_begin(std::string_view text, std::size_t end, std::size_t limit) {
    while (end > limit) {
        const std::size_t previous = previous_character(text, end);
        if (!is_white_space(decode_utf8(text, previous))) break;
        end = previous;
    }
    return end;
}

// Where white space ends. Asked with rising places it remembers the last stretch, so that tokens which are white space
// themselves do not make it quadratic.
class WhiteSpaceEnd {
public:
    explicit WhiteSpaceEnd(std::string_view text) : text_(text) {}
    std::size_t from(std::size_t begin) {
        if (begin < end_) return end_;
        end_ = begin;
        while (end_ < text_.size() && is_white_space(decode_utf8(text_, end_))) {
            end_ += utf8_length(static_cast<unsigned char>(text_[end_]));
        }
        return end_;
    }

private:
    std::string_view text_;
    std::size_t end_ = 0;
};

}  // namespace

Result<std::vector<AddedToken>> parse_added_tokens(const Json& json, const std::string& where) {
    std::vector<AddedToken> tokens;
    if (json.is_null()) return tokens;
    if (!json.is_array()) return errorf(ErrorKind::kInvalidInput, "{} must be an array", where);
    std::unordered_set<std::string> contents;
    std::unordered_set<TokenId> ids;
    for (std::size_t i = 0; i < json.size(); ++i) {
        DWUBIT_ASSIGN(AddedToken token, parse_added_token(json[i], fmt::format("{}[{}]", where, i)));
        if (!contents.insert(token.content).second) {
            return errorf(ErrorKind::kInvalidInput, "{}[{}]: '{}' is there twice", where, i, printable(token.content));
        }
        if (!ids.insert(token.id).second) {
            return errorf(ErrorKind::kInvalidInput, "{}[{}]: id {} is there twice", where, i, token.id);
        }
        tokens.push_back(std::move(token));
    }
    return tokens;
}

void PatternTrie::insert(std::string_view pattern, std::int32_t value) {
    DWUBIT_CHECK(!pattern.empty() && value >= 0);
    starts_[static_cast<unsigned char>(pattern[0])] = true;
    std::uint32_t node = 0;
    for (const char c : pattern) {
        const auto byte = static_cast<unsigned char>(c);
        auto& children = nodes_[node].children;
        const auto at = std::lower_bound(children.begin(), children.end(), std::pair(byte, std::uint32_t{0}));
        if (at != children.end() && at->first == byte) {
            node = at->second;
            continue;
        }
        node = static_cast<std::uint32_t>(nodes_.size());
        children.insert(at, {byte, node});
        nodes_.emplace_back();
    }
    if (nodes_[node].value < 0) nodes_[node].value = value;
}

std::optional<PatternTrie::Match> PatternTrie::match_at(std::string_view text, std::size_t begin) const {
    std::optional<Match> longest;
    std::uint32_t node = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
        const auto& children = nodes_[node].children;
        const auto byte = static_cast<unsigned char>(text[at]);
        const auto child = std::lower_bound(children.begin(), children.end(), std::pair(byte, std::uint32_t{0}));
        if (child == children.end() || child->first != byte) break;
        node = child->second;
        if (nodes_[node].value >= 0) longest = Match{begin, at + 1, nodes_[node].value};
    }
    return longest;
}

std::optional<PatternTrie::Match> PatternTrie::find(std::string_view text, std::size_t from) const {
    for (std::size_t begin = from; begin < text.size(); ++begin) {
        if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
        if (const auto match = match_at(text, begin)) return match;
    }
    return std::nullopt;
}

Result<AddedTokens> AddedTokens::build(std::vector<AddedToken> tokens, const Normalizer& normalizer) {
    AddedTokens out;
    out.tokens_ = std::move(tokens);
    // Where two normalized forms are equal the first counts, and special tokens come before the others.
    for (const bool special : {true, false}) {
        for (std::size_t i = 0; i < out.tokens_.size(); ++i) {
            const AddedToken& token = out.tokens_[i];
            if (token.special != special) continue;
            const auto value = static_cast<std::int32_t>(i);
            if (!token.normalized) {
                out.raw_.insert(token.content, value);
                continue;
            }
            const std::string pattern = normalizer.apply(token.content);
            if (pattern.empty()) {
                return errorf(ErrorKind::kInvalidInput, "the normalizer leaves nothing of the added token '{}'",
                              printable(token.content));
            }
            out.normalized_.insert(pattern, value);
        }
    }
    return out;
}

void AddedTokens::split_raw(std::string_view text, const PieceVisitor& piece, const TokenVisitor& token) const {
    split(raw_, text, piece, token);
}

void AddedTokens::split_normalized(std::string_view text, const PieceVisitor& piece, const TokenVisitor& token) const {
    split(normalized_, text, piece, token);
}

void AddedTokens::split(const PatternTrie& trie, std::string_view text, const PieceVisitor& piece,
                        const TokenVisitor& token) const {
    std::size_t done = 0;
    WhiteSpaceEnd white_space_end(text);
    std::size_t from = 0;
    while (const auto match = trie.find(text, from)) {
        // The search goes on behind the match itself, also when the match is dropped or takes white space along.
        from = match->end;
        const AddedToken& found = tokens_[static_cast<std::size_t>(match->value)];
        if (found.single_word && !stands_alone(text, *match)) continue;
        std::size_t begin = match->begin;
        std::size_t end = match->end;
        if (found.lstrip) begin = std::max(done, white_space_begin(text, begin, done));
        if (found.rstrip) end = white_space_end.from(end);
        if (done < begin) piece(text.substr(done, begin - done));
        token(found.id);
        done = end;
    }
    if (done < text.size()) piece(text.substr(done));
}

}  // namespace dwubit
