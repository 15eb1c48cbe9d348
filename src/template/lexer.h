// A template's text as tokens: Jinja2's rules of tags, whitespace control and literals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "template/template.h"

namespace dwubit::tmpl {

enum class TokenKind {
    kText,        // text outside tags, whitespace already taken off
    kPrintBegin,  // {{
    kPrintEnd,
    kBlockBegin,  // {%
    kBlockEnd,
    kName,
    kString,   // text: the value
    kInteger,  // integer
    kFloat,    // real
    kOperator,
    kEnd,
};

struct Token {
    TokenKind kind = TokenKind::kEnd;
    int line = 0;
    std::string text;
    std::int64_t integer = 0;
    double real = 0.0;
};

// The last token is kEnd.
Result<std::vector<Token>> tokenize_template(std::string_view text, const TemplateOptions& options);

}  // namespace dwubit::tmpl
