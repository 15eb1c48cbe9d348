// Text to token ids and back, as Hugging Face `tokenizers` does it for the same tokenizer.json.
//
// This build reads: model BPE (byte_fallback, fuse_unk, ignore_merges); normalizers NFC, Prepend, Replace (string
// pattern), Sequence; pre-tokenizers Split (what patterns: split_pattern.h), Digits, ByteLevel, Sequence;
// post-processors TemplateProcessing, ByteLevel, Sequence; decoders Replace, ByteFallback, Fuse, Strip, ByteLevel,
// Sequence. Anything else is refused by name, never ignored. Of an added token the file's id counts (Hugging Face
// renumbers added tokens whose ids leave a gap); one that contradicts the vocabulary is refused.
//
// Ill-formed UTF-8 in the input: replace_invalid_utf8 (base/text.h), one U+FFFD per maximal ill-formed part.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/token_id.h"
#include "dwubit/result.h"

namespace dwubit {

struct TokenInfo {
    std::string text;      // as in the vocabulary ("▁kot", "<0x0A>", "<s>")
    bool special = false;  // an added token marked special
};

class Tokenizer {
public:
    // Reads tokenizer.json. The message names the file and the member at fault.
    static Result<Tokenizer> load(const std::filesystem::path& tokenizer_json);
    static Result<Tokenizer> parse(std::string_view json, const std::string& where);

    Tokenizer(Tokenizer&&) noexcept;
    Tokenizer& operator=(Tokenizer&&) noexcept;
    ~Tokenizer();

    // Ids of `text`; literal special tokens in it are recognised. add_special = the post-processor's template is
    // applied (BOS). Time n log n in the length. Safe to call from several threads. Error only where a pattern of the
    // pre-tokenizer needs too many steps on the text.
    Result<std::vector<TokenId>> encode(std::string_view text, bool add_special) const;

    // Text of `ids` by the decoder; special tokens are left out if skip_special. Ids that no token has are an
    // error that names the first one and its place.
    Result<std::string> decode(std::span<const TokenId> ids, bool skip_special) const;

    // One more than the largest id, added tokens included.
    std::int32_t vocab_size() const;
    // nullptr for an id that no token has.
    const TokenInfo* token(TokenId id) const;
    std::optional<TokenId> find(std::string_view token) const;

    // Ids that the post-processor puts before and after a single sequence (orlik: {1} and {}).
    const std::vector<TokenId>& prefix_ids() const;
    const std::vector<TokenId>& suffix_ids() const;
    // prefix_ids()[0] if the template starts with one.
    std::optional<TokenId> bos() const;

    // SHA-256 of the tokenizer.json it was read from.
    const std::string& sha256() const;

private:
    friend class StreamDecoder;
    struct Impl;
    explicit Tokenizer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Decoding token by token: push() returns the text that has become certain, whole characters only. The pieces joined,
// plus finish(), equal decode() of all; the time is linear in the text.
//
// With byte fallback a character's bytes may come as several tokens. Such a run of byte tokens appears when it ends,
// because decode() writes U+FFFD for each byte of a run that is not well-formed as a whole.
class StreamDecoder {
public:
    StreamDecoder(const Tokenizer& tokenizer, bool skip_special);  // the tokenizer must outlive this
    StreamDecoder(StreamDecoder&&) noexcept;
    StreamDecoder& operator=(StreamDecoder&&) noexcept;
    ~StreamDecoder();

    // Error for an id outside the vocabulary, which changes nothing.
    Result<std::string> push(TokenId id);
    // What is pending. Call once, last.
    std::string finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dwubit
