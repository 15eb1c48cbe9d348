// Byte-pair encoding of one word, as the BPE model of Hugging Face `tokenizers` does it.
//
// The word's characters become symbols; then the pair of neighbours whose merge has the lowest rank is merged, the
// leftmost first, until no pair has a merge. A heap over a linked list of symbols makes that n log n for any word,
// the whole text included. Characters that are no token become byte tokens ("<0x0A>") if the model has byte_fallback
// and the vocabulary all of them, else the unknown token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

// Lets maps of strings be searched by string_view.
struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

using VocabularyMap = std::unordered_map<std::string, TokenId, StringHash, std::equal_to<>>;

// Ids lie in [0, kMaxTokenIds); what is above no model has, and it bounds tables that are indexed by id.
inline constexpr std::int64_t kMaxTokenIds = std::int64_t{1} << 24;

// What two neighbouring symbols become.
struct Merge {
    std::uint32_t rank = 0;  // the merge's place in the list; lower goes first
    TokenId result = 0;
};

// Pair of ids -> merge; open addressing, since it is asked about three times per symbol.
class MergeTable {
public:
    // Room for `count` merges.
    explicit MergeTable(std::size_t count = 0);
    // A pair that is there already takes the new merge.
    void insert(TokenId left, TokenId right, Merge merge);
    // nullptr for a pair without one.
    const Merge* find(TokenId left, TokenId right) const;

private:
    struct Slot {
        std::uint64_t pair;
        Merge merge;
    };
    std::size_t slot_of(std::uint64_t pair) const;
    std::vector<Slot> slots_;  // a power of two, at most half full
};

// Ids of words met before, and memory for the next: one per text, or per thread.
class BpeScratch {
public:
    BpeScratch();
    BpeScratch(BpeScratch&&) noexcept;
    ~BpeScratch();

private:
    friend class BpeModel;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

class BpeModel {
public:
    // The "model" member of tokenizer.json. `where` names it in messages.
    static Result<BpeModel> parse(const Json& json, const std::string& where);

    // Appends the ids of `word`: well-formed UTF-8 of less than 2^32 characters.
    void encode(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& ids) const;

    const VocabularyMap& vocabulary() const { return vocabulary_; }

private:
    Result<void> parse_vocabulary(const Json& json, const std::string& where);
    Result<void> parse_merges(const Json& json, const std::string& where);
    Result<void> parse_options(const Json& json, const std::string& where);
    void index_characters();

    TokenId find_character(std::string_view character) const;
    void split_characters(std::string_view word, std::vector<TokenId>& symbols) const;

    VocabularyMap vocabulary_;
    MergeTable merges_;
    bool byte_fallback_ = false;
    bool fuse_unk_ = false;
    bool ignore_merges_ = false;
    std::optional<TokenId> unk_;

    // Tokens of one character: by code point below kDenseCharacters, the others by map. -1 = none.
    static constexpr std::size_t kDenseCharacters = 0x3000;
    std::vector<TokenId> dense_characters_;
    std::unordered_map<char32_t, TokenId> sparse_characters_;
    std::vector<TokenId> byte_tokens_;  // 256, -1 = none
};

}  // namespace dwubit
