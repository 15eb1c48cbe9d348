// Reads and checks the "model" member of tokenizer.json.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "tokenizer/bpe.h"

namespace dwubit {
namespace {

// A merge is "left right" or ["left", "right"]; the second form can hold spaces.
std::optional<std::pair<std::string, std::string>> split_merge(const Json& json) {
    if (json.is_array()) {
        if (json.size() != 2 || !json[0].is_string() || !json[1].is_string()) return std::nullopt;
        return std::pair(json[0].get<std::string>(), json[1].get<std::string>());
    }
    if (!json.is_string()) return std::nullopt;
    const auto& text = json.get_ref<const std::string&>();
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) return std::nullopt;
    return std::pair(text.substr(0, space), text.substr(space + 1));
}

// dwubit's own member `merge_ranks`: which merges come first, where that is not their order; merges of one rank are
// done from left to right. nullptr where there is none.
Result<const Json*> find_ranks(const Json& json, const std::string& where, std::size_t merges) {
    const auto found = json.find("merge_ranks");
    if (found == json.end() || found->is_null()) return static_cast<const Json*>(nullptr);
    const auto is_rank = [](const Json& rank) {
        return rank.is_number_unsigned() && rank.get<std::uint64_t>() <= UINT32_MAX;
    };
    if (found->is_array() && found->size() == merges && std::all_of(found->begin(), found->end(), is_rank)) {
        return &*found;
    }
    return errorf(ErrorKind::kInvalidInput, "{}.merge_ranks must be an array of {} ranks, one per merge", where,
                  merges);
}

std::uint32_t rank_of(const Json* ranks, std::size_t merge) {
    return ranks == nullptr ? static_cast<std::uint32_t>(merge) : (*ranks)[merge].get<std::uint32_t>();
}

Error unsupported_option(const std::string& where, std::string_view key) {
    return errorf(ErrorKind::kUnsupported, "{}: '{}' is not supported", where, key).with_hint("supported: null");
}

}  // namespace

Result<void> BpeModel::parse_vocabulary(const Json& json, const std::string& where) {
    DWUBIT_ASSIGN(const Json* vocab, Fields(json, where).object("vocab"));
    const Fields fields(*vocab, where + ".vocab");
    std::unordered_map<std::int64_t, const std::string*> texts;
    for (auto it = vocab->begin(); it != vocab->end(); ++it) {
        DWUBIT_ASSIGN(const std::int64_t id, fields.integer(it.key(), 0, kMaxTokenIds - 1));
        const auto [other, is_new] = texts.emplace(id, &it.key());
        if (!is_new) {
            return errorf(ErrorKind::kInvalidInput, "{}.vocab: '{}' and '{}' both have id {}", where,
                          printable(*other->second), printable(it.key()), id);
        }
        vocabulary_.emplace(it.key(), static_cast<TokenId>(id));
    }
    return {};
}

Result<void> BpeModel::parse_merges(const Json& json, const std::string& where) {
    DWUBIT_ASSIGN(const Json* merges, Fields(json, where).array("merges"));
    DWUBIT_ASSIGN(const Json* ranks, find_ranks(json, where, merges->size()));
    merges_ = MergeTable(merges->size());
    for (std::size_t i = 0; i < merges->size(); ++i) {
        const auto pair = split_merge((*merges)[i]);
        if (!pair) {
            return errorf(ErrorKind::kInvalidInput,
                          "{}.merges[{}] must be \"left right\" or [\"left\", \"right\"], got {}", where, i,
                          printable(dump_json((*merges)[i]), 60));
        }
        TokenId ids[3];
        const std::string tokens[3] = {pair->first, pair->second, pair->first + pair->second};
        for (int k = 0; k < 3; ++k) {
            const auto found = vocabulary_.find(tokens[k]);
            if (found == vocabulary_.end()) {
                return errorf(ErrorKind::kInvalidInput, "{}.merges[{}]: {}'{}' is not in the vocabulary", where, i,
                              k == 2 ? "the result " : "", printable(tokens[k]));
            }
            ids[k] = found->second;
        }
        merges_.insert(ids[0], ids[1], {rank_of(ranks, i), ids[2]});
    }
    return {};
}

Result<void> BpeModel::parse_options(const Json& json, const std::string& where) {
    const Fields fields(json, where);
    DWUBIT_ASSIGN(byte_fallback_, fields.boolean("byte_fallback", false));
    DWUBIT_ASSIGN(fuse_unk_, fields.boolean("fuse_unk", false));
    DWUBIT_ASSIGN(ignore_merges_, fields.boolean("ignore_merges", false));
    // Dropout makes encoding random: it is for training.
    DWUBIT_ASSIGN(const double dropout, fields.number("dropout", 0, 1, 0));
    if (dropout != 0) return unsupported_option(where, "dropout");
    for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
        DWUBIT_ASSIGN(const std::string affix, fields.string(key, ""));
        if (!affix.empty()) return unsupported_option(where, key);
    }
    if (!fields.has("unk_token")) return {};
    DWUBIT_ASSIGN(const std::string unk, fields.string("unk_token"));
    const auto found = vocabulary_.find(unk);
    if (found == vocabulary_.end()) return fields.invalid("unk_token", "a token of the vocabulary");
    unk_ = found->second;
    return {};
}

Result<BpeModel> BpeModel::parse(const Json& json, const std::string& where) {
    if (!json.is_object()) return errorf(ErrorKind::kInvalidInput, "{} must be an object", where);
    // Hugging Face reads a model without a type too; vocab and merges make it BPE.
    DWUBIT_ASSIGN(const std::string type, Fields(json, where).string("type", "BPE"));
    if (type != "BPE") {
        return errorf(ErrorKind::kUnsupported, "{} of type '{}' is not supported", where, printable(type))
            .with_hint("supported: BPE");
    }
    BpeModel model;
    DWUBIT_TRY(model.parse_vocabulary(json, where));
    DWUBIT_TRY(model.parse_merges(json, where));
    DWUBIT_TRY(model.parse_options(json, where));
    model.index_characters();
    return model;
}

}  // namespace dwubit
