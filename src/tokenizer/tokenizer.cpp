#include "tokenizer/tokenizer.h"

#include <utility>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "tokenizer/tokenizer_impl.h"

namespace dwubit {

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& tokenizer_json) {
    DWUBIT_ASSIGN(const std::string text, read_file(tokenizer_json));
    return parse(text, tokenizer_json.string());
}

Result<Tokenizer> Tokenizer::parse(std::string_view json, const std::string& where) {
    auto document = parse_json(json);
    if (!document.ok()) {
        document.error().message = where + ": " + document.error().message;
        return std::move(document).error();
    }
    DWUBIT_ASSIGN(auto impl, Impl::read(*document, where));
    impl->sha256 = sha256_hex(json);
    return Tokenizer(std::move(impl));
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, bool add_special) const {
    std::string repaired;
    if (find_invalid_utf8(text)) {
        repaired = replace_invalid_utf8(text);
        text = repaired;
    }
    std::vector<TokenId> ids;
    if (add_special) ids = impl_->around.prefix;
    const auto add_token = [&](TokenId id) { ids.push_back(id); };
    BpeScratch scratch;
    SplitBudget budget(text.size());
    Result<void> done;
    const WordVisitor add_word = [&](std::string_view word) { impl_->model.encode(word, scratch, ids); };
    const auto add_normalized = [&](std::string_view piece) {
        if (done.ok()) done = impl_->pre_tokenizer.split(piece, budget, add_word);
    };
    const auto add_raw = [&](std::string_view piece) {
        impl_->added.split_normalized(impl_->normalizer.apply(piece), add_normalized, add_token);
    };
    impl_->added.split_raw(text, add_raw, add_token);
    DWUBIT_TRY(std::move(done));
    if (add_special) ids.insert(ids.end(), impl_->around.suffix.begin(), impl_->around.suffix.end());
    return ids;
}

Result<std::string> Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
    DecodePipe pipe(impl_->decoder);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        auto token = impl_->text_to_decode(ids[i], skip_special);
        if (!token.ok()) {
            token.error().message += fmt::format(" (the id at place {} of {})", i, ids.size());
            return std::move(token).error();
        }
        if (*token != nullptr) pipe.push(**token);
    }
    pipe.finish();
    return pipe.take();
}

std::int32_t Tokenizer::vocab_size() const {
    return impl_->vocab_size;
}

const TokenInfo* Tokenizer::token(TokenId id) const {
    const auto found = impl_->tokens.find(id);
    return found == impl_->tokens.end() ? nullptr : &found->second.info;
}

std::optional<TokenId> Tokenizer::find(std::string_view token) const {
    const Impl& impl = *impl_;
    for (const VocabularyMap* map : {&impl.added_ids, &impl.model.vocabulary()}) {
        if (const auto found = map->find(token); found != map->end()) return found->second;
    }
    return std::nullopt;
}

const std::vector<TokenId>& Tokenizer::prefix_ids() const {
    return impl_->around.prefix;
}

const std::vector<TokenId>& Tokenizer::suffix_ids() const {
    return impl_->around.suffix;
}

std::optional<TokenId> Tokenizer::bos() const {
    if (prefix_ids().empty()) return std::nullopt;
    return prefix_ids().front();
}

const std::string& Tokenizer::sha256() const {
    return impl_->sha256;
}

struct StreamDecoder::Impl {
    const Tokenizer::Impl& tokenizer;
    bool skip_special;
    DecodePipe pipe;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : impl_(new Impl{*tokenizer.impl_, skip_special, DecodePipe(tokenizer.impl_->decoder)}) {}
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;
StreamDecoder::~StreamDecoder() = default;

Result<std::string> StreamDecoder::push(TokenId id) {
    DWUBIT_ASSIGN(const std::string* token, impl_->tokenizer.text_to_decode(id, impl_->skip_special));
    if (token != nullptr) impl_->pipe.push(*token);
    return impl_->pipe.take();
}

std::string StreamDecoder::finish() {
    impl_->pipe.finish();
    return impl_->pipe.take();
}

}  // namespace dwubit
