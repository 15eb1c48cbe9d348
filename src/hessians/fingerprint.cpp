// What a store was made from, and how two such descriptions differ.
#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "hessians/hessian_store.h"

namespace dwubit {
namespace {

constexpr std::size_t kHashDigits = 64;
constexpr std::size_t kMaxTemplateBytes = 1 << 20;

bool is_hash(const std::string& text) {
    return text.size() == kHashDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string shown(const std::string& value) {
    return is_hash(value) ? value.substr(0, 12) + "..." : "'" + printable(value, 40) + "'";
}

void compare(const char* name, const std::string& here, const std::string& store, std::vector<std::string>& lines) {
    if (here.empty() || store.empty() || here == store) return;
    lines.push_back(fmt::format("{}: {} here, {} in the store", name, shown(here), shown(store)));
}

Result<std::string> read_hash(const Fields& fields, std::string_view key) {
    DWUBIT_ASSIGN(std::string text, fields.string(key, std::string()));
    if (!text.empty() && !is_hash(text)) return fields.invalid(key, "64 lower-case hexadecimal digits or empty");
    return text;
}

}  // namespace

Json to_json(const HessianFingerprint& fingerprint) {
    return {{"model", fingerprint.model},
            {"tokenizer", fingerprint.tokenizer},
            {"corpus", fingerprint.corpus},
            {"chat_template", fingerprint.chat_template},
            {"settings", fingerprint.settings}};
}

Result<HessianFingerprint> fingerprint_from_json(const Json& value, const std::string& where) {
    if (!value.is_object()) {
        return errorf(ErrorKind::kInvalidInput, "{}: the fingerprint must be an object", where);
    }
    const Fields fields(value, where);
    HessianFingerprint fingerprint;
    DWUBIT_ASSIGN(fingerprint.model, read_hash(fields, "model"));
    DWUBIT_ASSIGN(fingerprint.tokenizer, read_hash(fields, "tokenizer"));
    DWUBIT_ASSIGN(fingerprint.corpus, read_hash(fields, "corpus"));
    DWUBIT_ASSIGN(fingerprint.chat_template, fields.string("chat_template", std::string()));
    if (fingerprint.chat_template.size() > kMaxTemplateBytes) {
        return fields.invalid("chat_template", "a string of at most 1 MiB");
    }
    DWUBIT_ASSIGN(const Json* settings, fields.object("settings"));
    fingerprint.settings = *settings;
    return fingerprint;
}

std::string digest(const HessianFingerprint& fingerprint) {
    return sha256_hex(dump_json(to_json(fingerprint)));
}

std::vector<std::string> differences(const HessianFingerprint& here, const HessianFingerprint& store) {
    std::vector<std::string> lines;
    compare("model", here.model, store.model, lines);
    compare("tokenizer", here.tokenizer, store.tokenizer, lines);
    compare("corpus", here.corpus, store.corpus, lines);
    compare("chat_template", here.chat_template, store.chat_template, lines);
    for (const auto& [key, value] : here.settings.items()) {
        const auto at = store.settings.find(key);
        if (at != store.settings.end() && *at != value) {
            compare(printable(key, 40).c_str(), dump_json(value), dump_json(*at), lines);
        }
    }
    return lines;
}

}  // namespace dwubit
