#include "tokenizer/normalizer.h"

#include <utility>

#include "tokenizer/nfc.h"

namespace dwubit {
namespace {

class Prepend : public NormalizerStep {
public:
    explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
    std::string apply(std::string text) const override {
        if (!text.empty()) text.insert(0, prefix_);
        return text;
    }
    std::size_t growth() const override { return 1 + prefix_.size(); }

private:
    std::string prefix_;
};

class Replace : public NormalizerStep {
public:
    explicit Replace(StringReplacer replacer) : replacer_(std::move(replacer)) {}
    std::string apply(std::string text) const override { return replacer_.replace(text); }
    std::size_t growth() const override { return replacer_.growth(); }

private:
    StringReplacer replacer_;
};

class Nfc : public NormalizerStep {
public:
    std::string apply(std::string text) const override { return normalize_nfc(text); }
    std::size_t growth() const override { return 3; }
};

Result<Steps<NormalizerStep>> parse_nfc_step(const Json&, const std::string&) {
    return one_step<Nfc, NormalizerStep>();
}

Result<Steps<NormalizerStep>> parse_prepend_step(const Json& json, const std::string& where) {
    DWUBIT_ASSIGN(std::string prefix, Fields(json, where).string("prepend"));
    return one_step<Prepend, NormalizerStep>(std::move(prefix));
}

Result<Steps<NormalizerStep>> parse_replace_step(const Json& json, const std::string& where) {
    DWUBIT_ASSIGN(StringReplacer replacer, parse_replace(json, where));
    return one_step<Replace, NormalizerStep>(std::move(replacer));
}

Result<Steps<NormalizerStep>> parse_normalizer(const Json& json, const std::string& where);

Result<Steps<NormalizerStep>> parse_normalizer_sequence(const Json& json, const std::string& where) {
    return parse_sequence<NormalizerStep>(json, where, "normalizers", parse_normalizer);
}

constexpr StepRow<NormalizerStep> kNormalizers[] = {
    {"NFC", parse_nfc_step},
    {"Prepend", parse_prepend_step},
    {"Replace", parse_replace_step},
    {"Sequence", parse_normalizer_sequence},
};

Result<Steps<NormalizerStep>> parse_normalizer(const Json& json, const std::string& where) {
    return parse_step<NormalizerStep>(json, where, kNormalizers);
}

}  // namespace

Result<Normalizer> Normalizer::parse(const Json& json, const std::string& where) {
    Normalizer normalizer;
    DWUBIT_ASSIGN(normalizer.steps_, parse_chain<NormalizerStep>(json, where, parse_normalizer));
    return normalizer;
}

std::string Normalizer::apply(std::string_view text) const {
    std::string out(text);
    for (const auto& step : steps_) out = step->apply(std::move(out));
    return out;
}

Result<StringReplacer> parse_replace(const Json& json, const std::string& where) {
    const Fields fields(json, where);
    DWUBIT_ASSIGN(const Json* pattern, fields.object("pattern"));
    if (pattern->contains("Regex")) {
        return errorf(ErrorKind::kUnsupported, "{}: a Replace with a Regex pattern is not supported", where)
            .with_hint("supported: Replace with a String pattern");
    }
    DWUBIT_ASSIGN(std::string text, Fields(*pattern, where + ".pattern").string("String"));
    if (text.empty()) return fields.invalid("pattern", "a string that is not empty");
    DWUBIT_ASSIGN(std::string content, fields.string("content"));
    return StringReplacer(std::move(text), std::move(content));
}

}  // namespace dwubit
