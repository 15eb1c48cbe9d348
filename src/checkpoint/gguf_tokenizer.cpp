#include "checkpoint/gguf_tokenizer.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "checkpoint/gguf_vocabulary.h"

namespace dwubit {
namespace {

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kModel = "tokenizer.ggml.model";
constexpr std::size_t kMaxTokens = std::size_t{1} << 22;
constexpr std::size_t kMaxPieceBytes = 1024;

// Control tokens that end a generation whatever the file's keys say, as in llama.cpp.
constexpr std::array<std::string_view, 9> kEndTokens = {"<|eot_id|>",      "<|im_end|>",    "<|end|>",
                                                        "<end_of_turn>",   "<|endoftext|>", "<|eom_id|>",
                                                        "<|end_of_text|>", "<EOT>",         "<end_of_utterance>"};

struct Vocabulary {
    bool sentence_piece = false;  // else byte-level BPE
    const GgufPreTokenizer* pre = nullptr;
    std::vector<std::string> tokens;
    std::vector<GgufTokenType> types;
    std::vector<double> scores;  // of SentencePiece
    bool add_bos = false;
    bool add_eos = false;
    bool add_space_prefix = false;
    std::optional<std::int64_t> bos, eos, unk, pad;
};

Result<void> read_model(const GgufMetadata& metadata, Vocabulary& vocabulary) {
    DWUBIT_ASSIGN(const std::string model, metadata.string(kModel));
    vocabulary.sentence_piece = model == "llama";
    if (!vocabulary.sentence_piece && model != "gpt2") {
        return errorf(ErrorKind::kUnsupported, "{}: tokenizer model '{}' is not supported", metadata.file(),
                      printable(model))
            .with_hint("supported: llama (SentencePiece), gpt2 (byte-level BPE)");
    }
    if (vocabulary.sentence_piece) return {};
    const bool named = metadata.has("tokenizer.ggml.pre");
    DWUBIT_ASSIGN(const std::string pre, metadata.string("tokenizer.ggml.pre", "default"));
    if (!named) {
        log_warning(fmt::format("{}: 'tokenizer.ggml.pre' is missing; words are split as llama.cpp does by default",
                                metadata.file()));
    }
    vocabulary.pre = find_gguf_pre_tokenizer(pre);
    if (vocabulary.pre != nullptr) return {};
    std::string known;
    for (const GgufPreTokenizer& row : gguf_pre_tokenizers()) {
        for (const std::string_view name : row.names) known += (known.empty() ? "" : ", ") + std::string(name);
    }
    return errorf(ErrorKind::kUnsupported, "{}: pre-tokenizer '{}' (tokenizer.ggml.pre) is not supported",
                  metadata.file(), printable(pre))
        .with_hint("supported: " + known);
}

Result<void> read_tokens(const GgufMetadata& metadata, Vocabulary& vocabulary) {
    DWUBIT_ASSIGN(const auto* tokens, metadata.strings(kTokens));
    if (tokens->empty() || tokens->size() > kMaxTokens) {
        return metadata.invalid(kTokens, fmt::format("an array of 1 to {} strings", kMaxTokens));
    }
    vocabulary.tokens.reserve(tokens->size());
    for (std::size_t id = 0; id < tokens->size(); ++id) {
        const std::string_view token = (*tokens)[id];
        if (token.size() > kMaxPieceBytes) {
            return errorf(ErrorKind::kInvalidInput, "{}: token {} has {} bytes; at most {} are allowed",
                          metadata.file(), id, token.size(), kMaxPieceBytes);
        }
        if (find_invalid_utf8(token)) {
            return errorf(ErrorKind::kInvalidInput, "{}: token {} '{}' is not UTF-8", metadata.file(), id,
                          printable(token));
        }
        // As llama.cpp names them.
        vocabulary.tokens.push_back(token.empty() ? fmt::format("[EMPTY_{}]", id) : std::string(token));
    }
    return {};
}

Result<void> read_types(const GgufMetadata& metadata, Vocabulary& vocabulary) {
    constexpr const char* kKey = "tokenizer.ggml.token_type";
    vocabulary.types.assign(vocabulary.tokens.size(), GgufTokenType::kNormal);
    if (!metadata.has(kKey)) return {};
    DWUBIT_ASSIGN(const auto types, metadata.integers(kKey, vocabulary.tokens.size()));
    for (std::size_t id = 0; id < types.size(); ++id) {
        if (types[id] < 0 || types[id] > 6) {
            return errorf(ErrorKind::kInvalidInput, "{}: token {} has type {}; types are 1 to 6", metadata.file(), id,
                          types[id]);
        }
        if (types[id] != 0) vocabulary.types[id] = static_cast<GgufTokenType>(types[id]);
    }
    return {};
}

Result<std::optional<std::int64_t>> read_id(const GgufMetadata& metadata, const std::string& key, std::size_t tokens,
                                            std::optional<std::int64_t> fallback = std::nullopt) {
    using Id = std::optional<std::int64_t>;
    if (!metadata.has(key)) {
        const bool there = fallback && static_cast<std::size_t>(*fallback) < tokens;
        return there ? fallback : Id();
    }
    // Some writers say "none" as 2^32 - 1.
    DWUBIT_ASSIGN(const std::int64_t id, metadata.integer(key, -1, UINT32_MAX));
    if (id == -1 || id == std::int64_t{UINT32_MAX}) return Id();
    if (static_cast<std::size_t>(id) < tokens) return Id(id);
    return metadata.invalid(key, fmt::format("a token id from 0 to {}", tokens - 1));
}

Result<void> read_specials(const GgufMetadata& metadata, Vocabulary& vocabulary) {
    const bool spm = vocabulary.sentence_piece;
    const auto id = [&](const char* name, std::optional<std::int64_t> fallback) {
        if (!spm) fallback.reset();
        return read_id(metadata, fmt::format("tokenizer.ggml.{}_token_id", name), vocabulary.tokens.size(), fallback);
    };
    DWUBIT_ASSIGN(vocabulary.bos, id("bos", 1));
    DWUBIT_ASSIGN(vocabulary.eos, id("eos", 2));
    DWUBIT_ASSIGN(vocabulary.unk, id("unknown", 0));
    DWUBIT_ASSIGN(vocabulary.pad, id("padding", std::nullopt));
    const bool bos = spm || vocabulary.pre->add_bos;
    DWUBIT_ASSIGN(vocabulary.add_bos, metadata.boolean("tokenizer.ggml.add_bos_token", bos));
    DWUBIT_ASSIGN(vocabulary.add_eos, metadata.boolean("tokenizer.ggml.add_eos_token", false));
    DWUBIT_ASSIGN(vocabulary.add_space_prefix, metadata.boolean("tokenizer.ggml.add_space_prefix", spm));
    for (const auto& [add, token, name] : {std::tuple(vocabulary.add_bos, vocabulary.bos, "bos"),
                                           std::tuple(vocabulary.add_eos, vocabulary.eos, "eos")}) {
        if (!add || token) continue;
        return errorf(ErrorKind::kInvalidInput, "{}: tokenizer.ggml.add_{}_token is set, but {}_token_id is missing",
                      metadata.file(), name, name);
    }
    return {};
}

Result<Vocabulary> read_vocabulary(const GgufMetadata& metadata) {
    Vocabulary vocabulary;
    DWUBIT_TRY(read_model(metadata, vocabulary));
    DWUBIT_TRY(read_tokens(metadata, vocabulary));
    DWUBIT_TRY(read_types(metadata, vocabulary));
    if (vocabulary.sentence_piece) {
        DWUBIT_ASSIGN(vocabulary.scores, metadata.numbers("tokenizer.ggml.scores", vocabulary.tokens.size()));
    }
    DWUBIT_TRY(read_specials(metadata, vocabulary));
    return vocabulary;
}

// Ids by text; a text that two tokens have is refused.
using Ids = std::unordered_map<std::string_view, std::size_t>;
Result<Ids> index_tokens(const GgufMetadata& metadata, const Vocabulary& vocabulary) {
    Ids ids;
    ids.reserve(vocabulary.tokens.size());
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
        const auto [other, is_new] = ids.emplace(vocabulary.tokens[id], id);
        if (is_new) continue;
        return errorf(ErrorKind::kInvalidInput, "{}: tokens {} and {} are both '{}'", metadata.file(), other->second,
                      id, printable(vocabulary.tokens[id]));
    }
    return ids;
}

bool is_added(GgufTokenType type) {
    return type == GgufTokenType::kControl || type == GgufTokenType::kUserDefined || type == GgufTokenType::kUnknown;
}

// Tokens that are looked for in the text as it is.
Json added_tokens(const Vocabulary& vocabulary) {
    Json added = Json::array();
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
        if (!is_added(vocabulary.types[id])) continue;
        added.push_back({{"id", id},
                         {"content", vocabulary.tokens[id]},
                         {"single_word", false},
                         {"lstrip", false},
                         {"rstrip", false},
                         {"normalized", false},
                         {"special", vocabulary.types[id] != GgufTokenType::kUserDefined}});
    }
    return added;
}

Json post_processor(const Vocabulary& vocabulary) {
    Json single = Json::array();
    Json specials = Json::object();
    const auto add = [&](std::optional<std::int64_t> id) {
        const std::string& token = vocabulary.tokens[static_cast<std::size_t>(*id)];
        single.push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
        specials[token] = {{"id", token}, {"ids", Json::array({*id})}, {"tokens", Json::array({token})}};
    };
    if (vocabulary.add_bos) add(vocabulary.bos);
    single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
    if (vocabulary.add_eos) add(vocabulary.eos);
    if (!vocabulary.add_bos && !vocabulary.add_eos) return nullptr;
    Json pair = single;
    pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
    return {{"type", "TemplateProcessing"},
            {"single", std::move(single)},
            {"pair", std::move(pair)},
            {"special_tokens", std::move(specials)}};
}

// Every split of a piece into two pieces, best score first. Linear in the bytes of the vocabulary.
struct ScoredMerge {
    double score;
    std::size_t id;
    std::size_t cut;
};

void add_scored_merges(const Vocabulary& vocabulary, const Ids& ids, Json& model) {
    std::vector<ScoredMerge> merges;
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
        const std::string_view piece = vocabulary.tokens[id];
        for (std::size_t cut = utf8_length(static_cast<unsigned char>(piece[0])); cut < piece.size();
             cut += utf8_length(static_cast<unsigned char>(piece[cut]))) {
            if (ids.contains(piece.substr(0, cut)) && ids.contains(piece.substr(cut))) {
                merges.push_back({vocabulary.scores[id], id, cut});
            }
        }
    }
    std::sort(merges.begin(), merges.end(), [](const ScoredMerge& a, const ScoredMerge& b) {
        return std::tuple(-a.score, a.id, a.cut) < std::tuple(-b.score, b.id, b.cut);
    });
    Json pairs = Json::array();
    Json ranks = Json::array();
    std::size_t rank = 0;
    for (std::size_t i = 0; i < merges.size(); ++i) {
        if (i > 0 && merges[i].score != merges[i - 1].score) ++rank;
        const std::string& piece = vocabulary.tokens[merges[i].id];
        pairs.push_back(Json::array({piece.substr(0, merges[i].cut), piece.substr(merges[i].cut)}));
        ranks.push_back(rank);
    }
    model["merges"] = std::move(pairs);
    model["merge_ranks"] = std::move(ranks);
}

Json sentence_piece_parts(const Vocabulary& vocabulary, const Ids& ids) {
    Json model = {{"type", "BPE"}, {"byte_fallback", true}, {"fuse_unk", true}};
    if (vocabulary.unk) model["unk_token"] = vocabulary.tokens[static_cast<std::size_t>(*vocabulary.unk)];
    add_scored_merges(vocabulary, ids, model);
    const std::string mark(kSpaceMark);
    Json normalizers = Json::array();
    if (vocabulary.add_space_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", mark}});
    normalizers.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", mark}});
    Json decoders = Json::array({{{"type", "Replace"}, {"pattern", {{"String", mark}}}, {"content", " "}},
                                 {{"type", "ByteFallback"}},
                                 {{"type", "Fuse"}}});
    if (vocabulary.add_space_prefix) {
        decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    }
    return {{"model", std::move(model)},
            {"normalizer", {{"type", "Sequence"}, {"normalizers", std::move(normalizers)}}},
            {"pre_tokenizer", nullptr},
            {"decoder", {{"type", "Sequence"}, {"decoders", std::move(decoders)}}}};
}

Result<Json> byte_level_parts(const GgufMetadata& metadata, const Vocabulary& vocabulary) {
    DWUBIT_ASSIGN(const auto* merges, metadata.strings("tokenizer.ggml.merges"));
    Json pairs = Json::array();
    for (std::size_t i = 0; i < merges->size(); ++i) {
        const std::string_view merge = (*merges)[i];
        // The first blank that is not the first character cuts, as in llama.cpp.
        const std::size_t cut = merge.find(' ', 1);
        if (cut == std::string_view::npos || find_invalid_utf8(merge)) {
            return errorf(ErrorKind::kInvalidInput, "{}: tokenizer.ggml.merges[{}] must be 'left right', got '{}'",
                          metadata.file(), i, printable(merge, 60));
        }
        pairs.push_back(Json::array({merge.substr(0, cut), merge.substr(cut + 1)}));
    }
    Json model = {{"type", "BPE"},
                  {"byte_fallback", false},
                  {"ignore_merges", vocabulary.pre->ignore_merges},
                  {"merges", std::move(pairs)}};
    Json normalizer;
    if (vocabulary.pre->nfc) normalizer = {{"type", "NFC"}};
    return Json{{"model", std::move(model)},
                {"normalizer", std::move(normalizer)},
                {"pre_tokenizer", vocabulary.pre->pre_tokenizer()},
                {"decoder", {{"type", "ByteLevel"}}}};
}

}  // namespace

Result<std::string> gguf_tokenizer_json(const GgufMetadata& metadata) {
    DWUBIT_ASSIGN(const Vocabulary vocabulary, read_vocabulary(metadata));
    DWUBIT_ASSIGN(const Ids ids, index_tokens(metadata, vocabulary));
    Json json;
    if (vocabulary.sentence_piece) {
        json = sentence_piece_parts(vocabulary, ids);
    } else {
        DWUBIT_ASSIGN(json, byte_level_parts(metadata, vocabulary));
    }
    json["version"] = "1.0";
    json["truncation"] = nullptr;
    json["padding"] = nullptr;
    json["added_tokens"] = added_tokens(vocabulary);
    json["post_processor"] = post_processor(vocabulary);
    Json texts = Json::object();
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) texts[vocabulary.tokens[id]] = id;
    json["model"]["vocab"] = std::move(texts);
    return dump_json(json, 1) + "\n";
}

Result<Json> gguf_tokenizer_config(const GgufMetadata& metadata) {
    Json config = Json::object();
    if (metadata.has("tokenizer.chat_template")) {
        DWUBIT_ASSIGN(config["chat_template"], metadata.string("tokenizer.chat_template"));
    }
    if (!metadata.has(kTokens)) return config;
    const auto read = read_vocabulary(metadata);
    if (!read.ok()) return config;  // whoever needs the tokenizer is told why
    const std::pair<const char*, std::optional<std::int64_t>> specials[] = {
        {"bos_token", read->bos}, {"eos_token", read->eos}, {"unk_token", read->unk}, {"pad_token", read->pad}};
    for (const auto& [name, id] : specials) {
        if (id) config[name] = read->tokens[static_cast<std::size_t>(*id)];
    }
    config["add_bos_token"] = read->add_bos;
    config["add_eos_token"] = read->add_eos;
    return config;
}

Result<std::vector<std::int64_t>> gguf_end_ids(const GgufMetadata& metadata) {
    std::vector<std::int64_t> ids;
    const auto add = [&](std::int64_t id) {
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    };
    const auto read = read_vocabulary(metadata);
    if (!read.ok()) return ids;
    if (read->eos) add(*read->eos);
    for (const char* name : {"eot", "eom"}) {
        DWUBIT_ASSIGN(const auto id,
                      read_id(metadata, fmt::format("tokenizer.ggml.{}_token_id", name), read->tokens.size()));
        if (id) add(*id);
    }
    for (std::size_t id = 0; id < read->tokens.size(); ++id) {
        if (read->types[id] != GgufTokenType::kControl) continue;
        const bool ends = std::find(kEndTokens.begin(), kEndTokens.end(), read->tokens[id]) != kEndTokens.end();
        if (ends) add(static_cast<std::int64_t>(id));
    }
    return ids;
}

}  // namespace dwubit
