// The "normalizer" of tokenizer.json: rewrites text before it is split into tokens.
//
// It is applied to each stretch of text between added tokens by itself, as Hugging Face does: Prepend puts its string
// before every such stretch that is not empty.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dwubit/result.h"
#include "json/json.h"
#include "tokenizer/step_table.h"
#include "tokenizer/string_replacer.h"

namespace dwubit {

class NormalizerStep {
public:
    virtual ~NormalizerStep() = default;
    virtual std::string apply(std::string text) const = 0;
    // An upper bound of the bytes made of one byte, >= 1.
    virtual std::size_t growth() const = 0;
};

class Normalizer {
public:
    // null is the identity.
    static Result<Normalizer> parse(const Json& json, const std::string& where);

    std::string apply(std::string_view text) const;

private:
    Steps<NormalizerStep> steps_;
};

// A Replace step's arguments, which normalizers and decoders have in common.
Result<StringReplacer> parse_replace(const Json& json, const std::string& where);

}  // namespace dwubit
