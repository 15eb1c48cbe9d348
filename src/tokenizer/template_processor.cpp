#include "tokenizer/template_processor.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "tokenizer/bpe.h"

namespace dwubit {
namespace {

constexpr std::size_t kMaxIds = 256;
constexpr int kMaxDepth = 8;

Result<void> check_count(const TextTemplate& around, const std::string& where) {
    if (std::max(around.prefix.size(), around.suffix.size()) <= kMaxIds) return {};
    return errorf(ErrorKind::kInvalidInput, "{} puts more than {} tokens beside the text", where, kMaxIds);
}

Result<std::vector<TokenId>> special_token_ids(const Json& special_tokens, const std::string& name,
                                               const std::string& where) {
    const Fields fields(special_tokens, where);
    DWUBIT_ASSIGN(const Json* entry, fields.object(name));
    const Fields entry_fields(*entry, where + "." + printable(name));
    DWUBIT_ASSIGN(const Json* ids, entry_fields.array("ids"));
    std::vector<TokenId> out;
    for (const Json& id : *ids) {
        const bool valid = id.is_number_unsigned() && id.get<std::uint64_t>() < std::uint64_t{kMaxTokenIds};
        if (!valid) return entry_fields.invalid("ids", fmt::format("ids from 0 to {}", kMaxTokenIds - 1));
        out.push_back(id.get<TokenId>());
    }
    return out;
}

Result<TextTemplate> parse_template(const Json& json, const std::string& where) {
    const Fields fields(json, where);
    DWUBIT_ASSIGN(const Json* pieces, fields.array("single"));
    TextTemplate out;
    bool text_seen = false;
    for (std::size_t i = 0; i < pieces->size(); ++i) {
        const std::string place = fmt::format("{}.single[{}]", where, i);
        const Fields piece((*pieces)[i], place);
        if (piece.has("SpecialToken")) {
            DWUBIT_ASSIGN(const Json* token, piece.object("SpecialToken"));
            DWUBIT_ASSIGN(const std::string name, Fields(*token, place + ".SpecialToken").string("id"));
            DWUBIT_ASSIGN(const Json* special_tokens, fields.object("special_tokens"));
            DWUBIT_ASSIGN(const auto ids, special_token_ids(*special_tokens, name, where + ".special_tokens"));
            auto& side = text_seen ? out.suffix : out.prefix;
            side.insert(side.end(), ids.begin(), ids.end());
            DWUBIT_TRY(check_count(out, where));
            continue;
        }
        DWUBIT_ASSIGN(const Json* sequence, piece.object("Sequence"));
        const Fields sequence_fields(*sequence, place + ".Sequence");
        DWUBIT_ASSIGN(const std::string id, sequence_fields.string("id"));
        if (id != "A" || text_seen) return sequence_fields.invalid("id", "A, once");
        text_seen = true;
    }
    if (!text_seen) return fields.invalid("single", "a template with the Sequence A");
    return out;
}

Result<TextTemplate> parse_step(const Json& json, const std::string& where, int depth);

// Hugging Face takes what a first template made for a pair of texts where a second one follows: that is refused.
Result<TextTemplate> parse_sequence(const Json& json, const std::string& where, int depth) {
    DWUBIT_ASSIGN(const Json* processors, Fields(json, where).array("processors"));
    TextTemplate out;
    for (std::size_t i = 0; i < processors->size(); ++i) {
        const std::string place = fmt::format("{}.processors[{}]", where, i);
        DWUBIT_ASSIGN(TextTemplate outer, parse_step((*processors)[i], place, depth + 1));
        const bool adds = !outer.prefix.empty() || !outer.suffix.empty();
        if (adds && (!out.prefix.empty() || !out.suffix.empty())) {
            return errorf(ErrorKind::kUnsupported, "{}: a second TemplateProcessing in a Sequence is not supported",
                          place);
        }
        if (adds) out = std::move(outer);
    }
    return out;
}

Result<TextTemplate> parse_step(const Json& json, const std::string& where, int depth) {
    if (!json.is_object()) return errorf(ErrorKind::kInvalidInput, "{} must be an object or null", where);
    DWUBIT_ASSIGN(const std::string type, Fields(json, where).string("type"));
    if (type == "TemplateProcessing") return parse_template(json, where);
    if (type == "ByteLevel") return TextTemplate();  // it concerns offsets only
    if (type == "Sequence" && depth < kMaxDepth) return parse_sequence(json, where, depth);
    return errorf(ErrorKind::kUnsupported, "{} of type '{}' is not supported", where, printable(type))
        .with_hint("supported: null, TemplateProcessing, ByteLevel, Sequence");
}

}  // namespace

Result<TextTemplate> parse_post_processor(const Json& json, const std::string& where) {
    if (json.is_null()) return TextTemplate();
    return parse_step(json, where, 0);
}

}  // namespace dwubit
