// Two inputs in one, cut at the first NUL: a tokenizer.json and a text. Any tokenizer.json is read or refused; what was
// read, and a fixed tokenizer of orlik's kind, encode the text to ids that exist and decode any ids, the same at once
// and token by token. The fixed one gives the text back.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "tokenizer/tokenizer.h"

namespace {

using dwubit::TokenId;
using dwubit::Tokenizer;

constexpr std::string_view kFlags = R"("single_word":false,"lstrip":false,"rstrip":false,"normalized":false)";

std::string fixed_json() {
    std::string vocab = R"("<unk>":0,"<s>":1,"</s>":2)";
    for (int byte = 0; byte < 256; ++byte) vocab += fmt::format(R"(,"<0x{:02X}>":{})", byte, byte + 3);
    int next = 259;
    for (const char* token :
         {"▁", "a", "b", "k", "o", "t", "ż", "▁▁", "▁▁▁▁", "ab", "ba", "aba", "▁k", "ot", "▁kot", "aa"}) {
        vocab += fmt::format(R"(,"{}":{})", token, next++);
    }
    return fmt::format(R"({{"added_tokens":[{{"id":1,"content":"<s>","special":true,{0}}},)"
                       R"({{"id":2,"content":"</s>","special":true,{0}}}],)"
                       R"("normalizer":{{"type":"Sequence","normalizers":[{{"type":"Prepend","prepend":"▁"}},)"
                       R"({{"type":"Replace","pattern":{{"String":" "}},"content":"▁"}}]}},)"
                       R"("decoder":{{"type":"Sequence","decoders":[)"
                       R"({{"type":"Replace","pattern":{{"String":"▁"}},"content":" "}},{{"type":"ByteFallback"}},)"
                       R"({{"type":"Fuse"}},{{"type":"Strip","content":" ","start":1,"stop":0}}]}},)"
                       R"("model":{{"type":"BPE","byte_fallback":true,"unk_token":"<unk>","vocab":{{{1}}},"merges":)"
                       R"(["▁ ▁","▁▁ ▁▁","a b","b a","ab a","a ba","▁ k","o t","▁k ot","a a"]}}}})",
                       kFlags, vocab);
}

const Tokenizer& fixed() {
    static const Tokenizer tokenizer = [] {
        auto parsed = Tokenizer::parse(fixed_json(), "fixed");
        DWUBIT_CHECK(parsed.ok());
        return std::move(parsed).value();
    }();
    return tokenizer;
}

std::string check_decoding(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool skip_special) {
    const auto whole = tokenizer.decode(ids, skip_special);
    DWUBIT_CHECK(whole.ok());
    dwubit::StreamDecoder stream(tokenizer, skip_special);
    std::string joined;
    for (const TokenId id : ids) {
        const auto piece = stream.push(id);
        DWUBIT_CHECK(piece.ok() && !dwubit::find_invalid_utf8(*piece));
        joined += *piece;
    }
    joined += stream.finish();
    DWUBIT_CHECK(joined == *whole);
    return joined;
}

// Pairs of bytes as ids, those that no token has left out.
std::vector<TokenId> any_ids(const Tokenizer& tokenizer, std::string_view bytes) {
    std::vector<TokenId> ids;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        const int pair = static_cast<unsigned char>(bytes[i]) << 8 | static_cast<unsigned char>(bytes[i + 1]);
        const TokenId id = pair % tokenizer.vocab_size();
        DWUBIT_CHECK(tokenizer.decode(std::vector<TokenId>{id}, false).ok() == (tokenizer.token(id) != nullptr));
        if (tokenizer.token(id) != nullptr) ids.push_back(id);
    }
    return ids;
}

void check(const Tokenizer& tokenizer, std::string_view text) {
    const auto encoded = tokenizer.encode(text, true);
    const auto repaired = tokenizer.encode(dwubit::replace_invalid_utf8(text), true);
    DWUBIT_CHECK(encoded.ok() == repaired.ok());
    if (!encoded.ok()) return;  // a pattern that takes too many steps
    const std::vector<TokenId>& ids = *encoded;
    for (const TokenId id : ids) DWUBIT_CHECK(tokenizer.token(id) != nullptr);
    DWUBIT_CHECK(ids == *repaired);
    for (const bool skip_special : {false, true}) {
        check_decoding(tokenizer, ids, skip_special);
        check_decoding(tokenizer, any_ids(tokenizer, text), skip_special);
    }
}

void check_round_trip(std::string_view text) {
    // Added tokens swallow a space and "▁" becomes one.
    if (text.find('<') != std::string_view::npos || text.find("▁") != std::string_view::npos) return;
    const std::string back = check_decoding(fixed(), *fixed().encode(text, false), false);
    DWUBIT_CHECK(back == dwubit::replace_invalid_utf8(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t cut = input.find('\0');
    const std::string_view json = input.substr(0, cut);
    const std::string_view text = cut == std::string_view::npos ? std::string_view() : input.substr(cut + 1);
    const auto tokenizer = Tokenizer::parse(json, "tokenizer.json");
    if (tokenizer.ok()) {
        check(*tokenizer, text);
    } else {
        const std::string& message = tokenizer.error().message;
        DWUBIT_CHECK(message.starts_with("tokenizer.json") && message.size() < 2048);
        DWUBIT_CHECK(message.find('\n') == std::string::npos && !dwubit::find_invalid_utf8(message));
    }
    for (const std::string_view any : {text, input}) {
        check(fixed(), any);
        check_round_trip(any);
    }
    return 0;
}
