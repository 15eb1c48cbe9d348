// Reads tokenizer.json: each part parses its own member; here they are checked against each other.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "tokenizer/tokenizer_impl.h"

namespace dwubit {
namespace {

const Json& member(const Json& json, const char* key) {
    static const Json null;
    const auto found = json.find(key);
    return found == json.end() ? null : *found;
}

}  // namespace

Result<std::unique_ptr<Tokenizer::Impl>> Tokenizer::Impl::read(const Json& json, const std::string& where) {
    if (!json.is_object()) return errorf(ErrorKind::kInvalidInput, "{}: must be an object", where);
    DWUBIT_ASSIGN(const std::string version, Fields(json, where).string("version", "1.0"));
    if (version != "1.0") {
        return errorf(ErrorKind::kUnsupported, "{}: version '{}' is not supported", where, printable(version))
            .with_hint("supported: 1.0");
    }
    // transformers sets both for each call and never uses the file's; so does dwubit.
    for (const char* key : {"truncation", "padding"}) {
        if (!member(json, key).is_null()) log_warning(fmt::format("{}: '{}' is not applied", where, key));
    }
    const auto place = [&](const char* key) { return where + ": " + key; };
    auto impl = std::make_unique<Impl>();
    DWUBIT_ASSIGN(impl->model, BpeModel::parse(member(json, "model"), place("model")));
    DWUBIT_ASSIGN(impl->normalizer, Normalizer::parse(member(json, "normalizer"), place("normalizer")));
    DWUBIT_ASSIGN(impl->pre_tokenizer, PreTokenizer::parse(member(json, "pre_tokenizer"), place("pre_tokenizer")));
    DWUBIT_ASSIGN(impl->around, parse_post_processor(member(json, "post_processor"), place("post_processor")));
    DWUBIT_ASSIGN(impl->decoder, Decoder::parse(member(json, "decoder"), place("decoder")));
    DWUBIT_ASSIGN(auto added, parse_added_tokens(member(json, "added_tokens"), place("added_tokens")));
    auto built = AddedTokens::build(std::move(added), impl->normalizer);
    if (!built.ok()) {
        built.error().message = place("added_tokens") + ": " + built.error().message;
        return std::move(built).error();
    }
    impl->added = std::move(built).value();
    DWUBIT_TRY(impl->collect_tokens(where));
    DWUBIT_TRY(impl->check_template(where));
    return impl;
}

Result<void> Tokenizer::Impl::collect_tokens(const std::string& where) {
    std::unordered_set<std::string> special_contents;
    for (const auto& [text, id] : model.vocabulary()) {
        tokens.emplace(id, TokenEntry{{text, false}, text, false});
        vocab_size = std::max(vocab_size, id + 1);
    }
    for (const AddedToken& token : added.tokens()) {
        TokenEntry& entry = tokens.try_emplace(token.id, TokenEntry{{token.content, false}, {}, false}).first->second;
        const auto in_model = model.vocabulary().find(token.content);
        const TokenId model_id = in_model == model.vocabulary().end() ? token.id : in_model->second;
        if (model_id != token.id) {
            return errorf(ErrorKind::kInvalidInput, "{}: added_tokens: '{}' has id {} there and {} in the vocabulary",
                          where, printable(token.content), token.id, model_id);
        }
        if (entry.info.text != token.content) {
            return errorf(ErrorKind::kInvalidInput, "{}: added_tokens: '{}' has id {}, which the vocabulary gives '{}'",
                          where, printable(token.content), token.id, printable(entry.info.text));
        }
        entry.info.special = token.special;
        entry.decoded = token.normalized ? normalizer.apply(token.content) : token.content;
        if (token.special) special_contents.insert(token.content);
        added_ids.emplace(token.content, token.id);
        vocab_size = std::max(vocab_size, token.id + 1);
    }
    for (auto& [id, entry] : tokens) entry.skipped = special_contents.contains(entry.decoded);
    if (tokens.empty()) return errorf(ErrorKind::kInvalidInput, "{}: the vocabulary is empty", where);
    return {};
}

Result<void> Tokenizer::Impl::check_template(const std::string& where) const {
    for (const auto* ids : {&around.prefix, &around.suffix}) {
        for (const TokenId id : *ids) {
            if (tokens.contains(id)) continue;
            return errorf(ErrorKind::kInvalidInput, "{}: post_processor: no token has id {}", where, id);
        }
    }
    return {};
}

Result<const std::string*> Tokenizer::Impl::text_to_decode(TokenId id, bool skip_special) const {
    const auto found = tokens.find(id);
    if (found == tokens.end()) {
        return errorf(ErrorKind::kInvalidInput, "no token has id {}", id)
            .with_hint(fmt::format("the vocabulary's ids lie between 0 and {}", vocab_size - 1));
    }
    const TokenEntry& token = found->second;
    return skip_special && token.skipped ? nullptr : &token.decoded;
}

}  // namespace dwubit
