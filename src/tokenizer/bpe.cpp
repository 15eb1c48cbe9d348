#include "tokenizer/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr TokenId kNoToken = -1;
constexpr std::uint64_t kFreeSlot = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();

std::uint64_t pair_key(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

struct Symbol {
    TokenId id;  // kNoToken once it was merged into its left neighbour
    std::uint32_t previous;
    std::uint32_t next;
};

struct Candidate {
    std::uint64_t order;  // rank, then place of the left symbol
    TokenId result;
};

bool comes_later(const Candidate& a, const Candidate& b) {
    return a.order > b.order;
}

// The merging of one word after the other.
class Merger {
public:
    void start(const MergeTable& merges, const std::vector<TokenId>& characters) {
        DWUBIT_CHECK(characters.size() < kEnd);
        const auto count = static_cast<std::uint32_t>(characters.size());
        merges_ = &merges;
        heap_.clear();
        symbols_.clear();
        symbols_.reserve(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            symbols_.push_back({characters[i], i == 0 ? kEnd : i - 1, i + 1 == count ? kEnd : i + 1});
        }
        for (std::uint32_t i = 0; i + 1 < count; ++i) add_candidate(i, i + 1);
        std::make_heap(heap_.begin(), heap_.end(), comes_later);
    }

    void run() {
        while (!heap_.empty()) {
            std::pop_heap(heap_.begin(), heap_.end(), comes_later);
            const Candidate top = heap_.back();
            heap_.pop_back();
            const auto left = static_cast<std::uint32_t>(top.order);
            if (!still_holds(top, left)) continue;
            merge_right_neighbour(left, top.result);
            if (const std::uint32_t previous = symbols_[left].previous; previous != kEnd) push(previous, left);
            if (const std::uint32_t next = symbols_[left].next; next != kEnd) push(left, next);
        }
    }

    void append_to(std::vector<TokenId>& ids) const {
        for (const Symbol& symbol : symbols_) {
            if (symbol.id != kNoToken) ids.push_back(symbol.id);
        }
    }

private:
    bool add_candidate(std::uint32_t left, std::uint32_t right) {
        const Merge* merge = merges_->find(symbols_[left].id, symbols_[right].id);
        if (merge == nullptr) return false;
        heap_.push_back({static_cast<std::uint64_t>(merge->rank) << 32 | left, merge->result});
        return true;
    }

    void push(std::uint32_t left, std::uint32_t right) {
        if (add_candidate(left, right)) std::push_heap(heap_.begin(), heap_.end(), comes_later);
    }

    // A candidate is out of date if its symbols have changed since. As in Hugging Face's, what counts is the merge's
    // result, not its rank: another pair that has come to stand there and gives the same token is merged now.
    bool still_holds(const Candidate& candidate, std::uint32_t left) const {
        const Symbol& symbol = symbols_[left];
        if (symbol.id == kNoToken || symbol.next == kEnd) return false;
        const Merge* merge = merges_->find(symbol.id, symbols_[symbol.next].id);
        return merge != nullptr && merge->result == candidate.result;
    }

    void merge_right_neighbour(std::uint32_t left, TokenId result) {
        Symbol& symbol = symbols_[left];
        Symbol& right = symbols_[symbol.next];
        right.id = kNoToken;
        symbol.id = result;
        symbol.next = right.next;
        if (symbol.next != kEnd) symbols_[symbol.next].previous = left;
    }

    const MergeTable* merges_ = nullptr;
    std::vector<Symbol> symbols_;
    std::vector<Candidate> heap_;
};

}  // namespace

struct BpeScratch::Impl {
    // Long words seldom come back.
    static constexpr std::size_t kMaxWordBytes = 48;
    static constexpr std::size_t kMaxWords = 1 << 16;

    const std::vector<TokenId>* find(std::string_view word) const {
        if (word.size() > kMaxWordBytes) return nullptr;
        const auto found = words.find(word);
        return found == words.end() ? nullptr : &found->second;
    }
    void remember(std::string_view word, std::span<const TokenId> ids) {
        if (word.size() > kMaxWordBytes) return;
        if (words.size() == kMaxWords) words.clear();
        words.emplace(word, std::vector<TokenId>(ids.begin(), ids.end()));
    }

    Merger merger;
    std::vector<TokenId> symbols;
    std::unordered_map<std::string, std::vector<TokenId>, StringHash, std::equal_to<>> words;
};

BpeScratch::BpeScratch() : impl_(std::make_unique<Impl>()) {}
BpeScratch::BpeScratch(BpeScratch&&) noexcept = default;
BpeScratch::~BpeScratch() = default;

MergeTable::MergeTable(std::size_t count) : slots_(std::bit_ceil(2 * count + 1), Slot{kFreeSlot, {}}) {}

std::size_t MergeTable::slot_of(std::uint64_t pair) const {
    std::uint64_t hash = pair * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = hash & mask;
    while (slots_[slot].pair != kFreeSlot && slots_[slot].pair != pair) slot = (slot + 1) & mask;
    return slot;
}

void MergeTable::insert(TokenId left, TokenId right, Merge merge) {
    const std::uint64_t pair = pair_key(left, right);
    slots_[slot_of(pair)] = {pair, merge};
}

const Merge* MergeTable::find(TokenId left, TokenId right) const {
    const Slot& slot = slots_[slot_of(pair_key(left, right))];
    return slot.pair == kFreeSlot ? nullptr : &slot.merge;
}

void BpeModel::index_characters() {
    dense_characters_.assign(kDenseCharacters, kNoToken);
    for (const auto& [text, id] : vocabulary_) {
        if (text.empty() || utf8_length(static_cast<unsigned char>(text[0])) != text.size()) continue;
        const char32_t character = decode_utf8(text, 0);
        if (character < kDenseCharacters) {
            dense_characters_[character] = id;
        } else {
            sparse_characters_.emplace(character, id);
        }
    }
    byte_tokens_.assign(256, kNoToken);
    for (std::size_t byte = 0; byte < 256; ++byte) {
        const auto found = vocabulary_.find(fmt::format("<0x{:02X}>", byte));
        if (found != vocabulary_.end()) byte_tokens_[byte] = found->second;
    }
}

TokenId BpeModel::find_character(std::string_view character) const {
    const char32_t code_point = decode_utf8(character, 0);
    if (code_point < kDenseCharacters) return dense_characters_[code_point];
    const auto found = sparse_characters_.find(code_point);
    return found == sparse_characters_.end() ? kNoToken : found->second;
}

void BpeModel::split_characters(std::string_view word, std::vector<TokenId>& symbols) const {
    symbols.clear();
    symbols.reserve(word.size());
    bool unk_pending = false;
    const auto flush_unk = [&] {
        if (unk_pending) symbols.push_back(*unk_);
        unk_pending = false;
    };
    for (std::size_t at = 0; at < word.size();) {
        const std::string_view character = word.substr(at, utf8_length(static_cast<unsigned char>(word[at])));
        at += character.size();
        if (const TokenId id = find_character(character); id != kNoToken) {
            flush_unk();
            symbols.push_back(id);
            continue;
        }
        const auto token_of = [&](char byte) { return byte_tokens_[static_cast<unsigned char>(byte)]; };
        const auto has_token = [&](char byte) { return token_of(byte) != kNoToken; };
        if (byte_fallback_ && std::all_of(character.begin(), character.end(), has_token)) {
            // A pending unknown token is not flushed here: it comes after the bytes, as in Hugging Face's.
            std::transform(character.begin(), character.end(), std::back_inserter(symbols), token_of);
            continue;
        }
        if (!unk_) continue;
        if (!fuse_unk_) flush_unk();
        unk_pending = true;
    }
    flush_unk();
}

void BpeModel::encode(std::string_view word, BpeScratch& scratch, std::vector<TokenId>& ids) const {
    if (word.empty()) return;
    if (ignore_merges_) {
        if (const auto whole = vocabulary_.find(word); whole != vocabulary_.end()) {
            ids.push_back(whole->second);
            return;
        }
    }
    BpeScratch::Impl& memory = *scratch.impl_;
    if (const std::vector<TokenId>* known = memory.find(word)) {
        ids.insert(ids.end(), known->begin(), known->end());
        return;
    }
    split_characters(word, memory.symbols);
    memory.merger.start(merges_, memory.symbols);
    memory.merger.run();
    const std::size_t before = ids.size();
    memory.merger.append_to(ids);
    memory.remember(word, std::span(ids).subspan(before));
}

}  // namespace dwubit
