// tokenizer.json to GGUF's vocabulary: the way back of checkpoint/gguf_tokenizer.
#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "checkpoint/gguf_tokenizer.h"
#include "checkpoint/gguf_vocabulary.h"
#include "convert/gguf_parts.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {
namespace {

constexpr float kPaddingScore = -10000.0f;
// Of a piece that no merge makes: last of all, as in llama.cpp's own converter.
constexpr float kUnreachableScore = -1000000.0f;

Error no_words(const std::string& what) {
    return errorf(ErrorKind::kUnsupported, "GGUF has no words for this tokenizer: {}", what)
        .with_hint("export --to dense keeps tokenizer.json");
}

const Json& member(const Json& json, const char* key) {
    static const Json null;
    const auto found = json.is_object() ? json.find(key) : json.end();
    return found == json.end() ? null : *found;
}

// A pre-tokenizer's steps with the members that matter, defaults filled in; two of equal lists split alike.
Json canonical_steps(const Json& step) {
    Json steps = Json::array();
    if (step.is_null()) return steps;
    const std::string type = step.value("type", std::string());
    if (type == "Sequence") {
        for (const Json& inner : member(step, "pretokenizers")) {
            for (Json& one : canonical_steps(inner)) steps.push_back(std::move(one));
        }
        return steps;
    }
    Json out = {{"type", type}};
    if (type == "Split") {
        out["pattern"] = member(step, "pattern");
        out["behavior"] = member(step, "behavior");
        out["invert"] = step.value("invert", false);
    } else if (type == "Digits") {
        out["individual_digits"] = step.value("individual_digits", false);
    } else if (type == "ByteLevel") {
        out["add_prefix_space"] = step.value("add_prefix_space", true);
        out["use_regex"] = step.value("use_regex", true);
    } else {
        out = step;
    }
    steps.push_back(std::move(out));
    return steps;
}

// "left right" or ["left", "right"], as tokenizer.json has them; it has been read by Tokenizer before.
std::pair<std::string, std::string> merge_parts(const Json& merge) {
    if (merge.is_array()) return {merge[0].get<std::string>(), merge[1].get<std::string>()};
    const auto text = merge.get<std::string>();
    const std::size_t space = text.find(' ');
    return {text.substr(0, space), text.substr(space + 1)};
}

// Tokens by id, with gaps filled.
struct Pieces {
    std::vector<std::string> texts;
    std::vector<std::int32_t> types;
};

std::int32_t type_number(GgufTokenType type) {
    return static_cast<std::int32_t>(type);
}

class TokenizerExport {
public:
    TokenizerExport(const HfDir& model, const ModelConfig& config, const Tokenizer& tokenizer, const Json& json,
                    GgufFields& fields, std::vector<std::string>& warnings)
        : model_(model), config_(config), tokenizer_(tokenizer), json_(json), fields_(fields), warnings_(warnings) {}

    Result<void> run() {
        const Json& parts = member(json_, "model");
        sentence_piece_ = parts.value("byte_fallback", false);
        DWUBIT_TRY(sentence_piece_ ? check_sentence_piece() : check_byte_level());
        DWUBIT_TRY(collect_pieces());
        fields_.add("tokenizer.ggml.model", sentence_piece_ ? "llama" : "gpt2");
        fields_.add("tokenizer.ggml.pre", sentence_piece_ ? "default" : pre_->names.front());
        fields_.add("tokenizer.ggml.tokens", std::span<const std::string>(pieces_.texts));
        if (sentence_piece_) {
            add_scores();
        } else {
            add_merges();
        }
        fields_.add("tokenizer.ggml.token_type", std::span<const std::int32_t>(pieces_.types));
        DWUBIT_TRY(add_specials());
        return add_chat_template();
    }

private:
    // Normalizers: Replace of blanks by U+2581, before it maybe Prepend of the same; no pre-tokenizer.
    Result<void> check_sentence_piece() {
        if (!member(json_, "pre_tokenizer").is_null()) return no_words("a pre-tokenizer beside byte fallback");
        const Json& normalizer = member(json_, "normalizer");
        Json steps = normalizer.is_null() ? Json::array() : Json::array({normalizer});
        if (normalizer.is_object() && normalizer.value("type", "") == "Sequence")
            steps = member(normalizer, "normalizers");
        bool replaces = false;
        for (const Json& step : steps) {
            const std::string type = step.value("type", std::string());
            if (type == "Prepend" && step.value("prepend", "") == kSpaceMark && !replaces) {
                add_space_prefix_ = true;
            } else if (type == "Replace" && step.value("content", "") == kSpaceMark &&
                       member(member(step, "pattern"), "String") == " ") {
                replaces = true;
            } else {
                return no_words("normalizer " + printable(dump_json(step), 120));
            }
        }
        return replaces ? Result<void>() : no_words("blanks are not written as U+2581");
    }

    Result<void> check_byte_level() {
        const Json& normalizer = member(json_, "normalizer");
        const bool nfc = normalizer.is_object() && normalizer.value("type", "") == "NFC";
        if (!normalizer.is_null() && !nfc) return no_words("normalizer " + printable(dump_json(normalizer), 120));
        const bool ignore_merges = member(json_, "model").value("ignore_merges", false);
        const Json steps = canonical_steps(member(json_, "pre_tokenizer"));
        for (const GgufPreTokenizer& row : gguf_pre_tokenizers()) {
            if (canonical_steps(row.pre_tokenizer()) != steps || row.ignore_merges != ignore_merges) continue;
            if (pre_ == nullptr || row.nfc == nfc) pre_ = &row;
        }
        if (pre_ == nullptr) return no_words("pre-tokenizer " + printable(dump_json(steps), 200));
        if (pre_->nfc != nfc) {
            warnings_.push_back(
                "llama.cpp does not normalize text to NFC as this tokenizer does, or the other way round");
        }
        return {};
    }

    Result<void> collect_pieces() {
        const std::int64_t count = config_.vocab;
        if (tokenizer_.vocab_size() > count) {
            return errorf(ErrorKind::kUnsupported,
                          "the tokenizer has ids up to {}, the embedding {} rows; a GGUF file has one token per row",
                          tokenizer_.vocab_size() - 1, count);
        }
        std::unordered_map<TokenId, const Json*> added;
        for (const Json& token : member(json_, "added_tokens")) added[token.at("id").get<TokenId>()] = &token;
        for (std::int64_t i = 0; i < count; ++i) {
            const auto id = static_cast<TokenId>(i);
            const TokenInfo* const token = tokenizer_.token(id);
            const auto found = added.find(id);
            GgufTokenType type = GgufTokenType::kNormal;
            if (token == nullptr) {
                type = GgufTokenType::kUnused;
            } else if (token->text == unknown_text()) {
                type = GgufTokenType::kUnknown;
            } else if (found != added.end()) {
                type = token->special ? GgufTokenType::kControl : GgufTokenType::kUserDefined;
                for (const char* key : {"single_word", "lstrip", "rstrip"}) {
                    if (!found->second->value(key, false)) continue;
                    warnings_.push_back(
                        fmt::format("token '{}' has '{}', which GGUF has no words for", printable(token->text), key));
                }
            } else if (sentence_piece_ && is_byte(token->text)) {
                type = GgufTokenType::kByte;
            }
            pieces_.texts.push_back(token == nullptr ? fmt::format("[PAD{}]", id) : token->text);
            pieces_.types.push_back(type_number(type));
        }
        return {};
    }

    std::string unknown_text() const {
        const Json& unk = member(member(json_, "model"), "unk_token");
        return unk.is_string() ? unk.get<std::string>() : std::string();
    }

    static bool is_byte(const std::string& text) {
        constexpr std::string_view kHex = "0123456789ABCDEF";
        return text.size() == 6 && text.starts_with("<0x") && text[5] == '>' && kHex.find(text[3]) != kHex.npos &&
               kHex.find(text[4]) != kHex.npos;
    }

    // The score of a piece is minus the place of the merge that makes it, so that merges come in their order.
    void add_scores() {
        const Json& model = member(json_, "model");
        const Json& merges = member(model, "merges");
        const Json& ranks = member(model, "merge_ranks");
        std::unordered_map<std::string, float> score;
        std::unordered_set<std::string> pairs;
        for (std::size_t i = 0; i < merges.size(); ++i) {
            const auto [left, right] = merge_parts(merges[i]);
            const auto rank = ranks.is_array() ? ranks[i].get<float>() : static_cast<float>(score.size());
            score.try_emplace(left + right, -rank);
            pairs.insert(fmt::format("{}{}{}", left, '\0', right));
        }
        std::vector<float> scores;
        for (std::size_t id = 0; id < pieces_.texts.size(); ++id) {
            const auto found = score.find(pieces_.texts[id]);
            float value = found != score.end() ? found->second : kUnreachableScore;
            if (pieces_.types[id] == type_number(GgufTokenType::kUnused)) value = kPaddingScore;
            if (pieces_.types[id] == type_number(GgufTokenType::kByte) || is_special(id)) value = 0;
            scores.push_back(value);
        }
        fields_.add("tokenizer.ggml.scores", std::span<const float>(scores));
        warn_of_missing_splits(pairs);
    }

    bool is_special(std::size_t id) const {
        const std::int32_t type = pieces_.types[id];
        return type == type_number(GgufTokenType::kControl) || type == type_number(GgufTokenType::kUnknown);
    }

    // llama.cpp merges any two pieces that are a piece together, tokenizer.json only those it lists.
    void warn_of_missing_splits(const std::unordered_set<std::string>& pairs) {
        std::unordered_set<std::string_view> all;
        for (std::size_t id = 0; id < pieces_.texts.size(); ++id) {
            if (pieces_.types[id] == type_number(GgufTokenType::kNormal)) all.insert(pieces_.texts[id]);
        }
        std::size_t missing = 0;
        std::string first;
        for (const std::string_view piece : all) {
            for (std::size_t cut = utf8_length(static_cast<unsigned char>(piece[0])); cut < piece.size();
                 cut += utf8_length(static_cast<unsigned char>(piece[cut]))) {
                const std::string_view left = piece.substr(0, cut);
                const std::string_view right = piece.substr(cut);
                if (!all.contains(left) || !all.contains(right)) continue;
                std::string pair(left);
                pair.append(1, '\0').append(right);
                if (pairs.contains(pair)) continue;
                if (missing++ == 0 || piece < first) first = piece;
            }
        }
        if (missing == 0) return;
        warnings_.push_back(
            fmt::format("llama.cpp may tokenize differently: {} ways to join two pieces, of '{}' for one, are no "
                        "merges of tokenizer.json",
                        missing, printable(first)));
    }

    void add_merges() {
        std::vector<std::string> merges;
        for (const Json& merge : member(member(json_, "model"), "merges")) {
            const auto [left, right] = merge_parts(merge);
            merges.push_back(fmt::format("{} {}", left, right));
        }
        fields_.add("tokenizer.ggml.merges", std::span<const std::string>(merges));
    }

    // What the template puts around a text must be BOS and EOS, or nothing.
    Result<void> add_specials() {
        const Json empty = Json::object();
        const Json& config = model_.tokenizer_config ? *model_.tokenizer_config : empty;
        DWUBIT_ASSIGN(const ChatConfig named, chat_config_from(config, "tokenizer_config.json"));
        const auto find = [&](const char* name) -> std::optional<TokenId> {
            const auto text = named.special_token(name);
            return text ? tokenizer_.find(*text) : std::nullopt;
        };
        const std::vector<TokenId>& prefix = tokenizer_.prefix_ids();
        const std::vector<TokenId>& suffix = tokenizer_.suffix_ids();
        std::optional<TokenId> bos = find("bos_token");
        if (!prefix.empty()) bos = prefix.front();
        if (!bos && config_.bos_id) bos = *config_.bos_id;
        std::vector<TokenId> ends(config_.eos_ids.begin(), config_.eos_ids.end());
        std::optional<TokenId> eos = find("eos_token");
        if (!eos && !ends.empty()) eos = ends.front();
        if (prefix.size() > 1 || suffix.size() > 1 || (!suffix.empty() && suffix.front() != eos)) {
            return no_words("its template puts more around a text than BOS and EOS");
        }
        const auto id = [&](const char* name, std::optional<TokenId> token) {
            if (token) fields_.add(fmt::format("tokenizer.ggml.{}_token_id", name), static_cast<std::uint32_t>(*token));
        };
        id("bos", bos);
        id("eos", eos);
        ends.erase(std::remove(ends.begin(), ends.end(), eos.value_or(-1)), ends.end());
        if (!ends.empty()) id("eot", ends[0]);
        if (ends.size() > 1) id("eom", ends[1]);
        if (ends.size() > 2) warnings_.push_back("of the tokens that end a text only three are written");
        id("unknown", tokenizer_.find(unknown_text()));
        id("padding", find("pad_token"));
        fields_.add("tokenizer.ggml.add_bos_token", !prefix.empty());
        fields_.add("tokenizer.ggml.add_eos_token", !suffix.empty());
        fields_.add("tokenizer.ggml.add_space_prefix", add_space_prefix_);
        return {};
    }

    Result<void> add_chat_template() {
        DWUBIT_ASSIGN(const ChatConfig chat, read_chat_config(model_.path));
        if (chat.chat_template) fields_.add("tokenizer.chat_template", *chat.chat_template);
        return {};
    }

    const HfDir& model_;
    const ModelConfig& config_;
    const Tokenizer& tokenizer_;
    const Json& json_;
    GgufFields& fields_;
    std::vector<std::string>& warnings_;
    bool sentence_piece_ = false;
    bool add_space_prefix_ = false;
    const GgufPreTokenizer* pre_ = nullptr;
    Pieces pieces_;
};

}  // namespace

Result<void> add_tokenizer_fields(const HfDir& model, const ModelConfig& config, GgufFields& fields,
                                  std::vector<std::string>& warnings) {
    if (model.is_gguf()) {
        for (const auto& [key, value] : model.gguf->values()) {
            if (key.starts_with("tokenizer.")) fields.add(key, value);
        }
        return {};
    }
    std::error_code code;
    if (!std::filesystem::exists(model.tokenizer_json, code)) {
        warnings.push_back(
            "there is no tokenizer.json: the file has no vocabulary, and llama.cpp takes token ids only");
        fields.add("tokenizer.ggml.model", "no_vocab");
        return {};
    }
    DWUBIT_ASSIGN(const Tokenizer tokenizer, Tokenizer::load(model.tokenizer_json));
    DWUBIT_ASSIGN(const Json json, read_json_file(model.tokenizer_json));
    return TokenizerExport(model, config, tokenizer, json, fields, warnings).run();
}

}  // namespace dwubit
