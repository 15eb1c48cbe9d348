#include "template/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace dwubit::tmpl {
namespace {

// Of tags in tags and expressions in expressions.
constexpr int kMaxParseDepth = 150;

std::string describe(const Token& token) {
    switch (token.kind) {
        case TokenKind::kText:
            return "text";
        case TokenKind::kPrintBegin:
            return "'{{'";
        case TokenKind::kPrintEnd:
            return "'}}'";
        case TokenKind::kBlockBegin:
            return "'{%'";
        case TokenKind::kBlockEnd:
            return "'%}'";
        case TokenKind::kEnd:
            return "the end of the template";
        default:
            return fmt::format("'{}'", printable(token.text, 40));
    }
}

}  // namespace

Result<std::vector<Statement>> parse_template(std::string_view text, const TemplateOptions& options) {
    DWUBIT_ASSIGN(auto tokens, tokenize_template(text, options));
    return Parser(std::move(tokens), options).run();
}

// --- tokens --------------------------------------------------------------------------------------------------------

const Token& Parser::next() {
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
}

bool Parser::at_sign(std::string_view sign) const {
    return current().kind == TokenKind::kOperator && current().text == sign;
}

bool Parser::at_name(std::string_view name) const {
    return current().kind == TokenKind::kName && current().text == name;
}

bool Parser::skip_sign(std::string_view sign) {
    const bool found = at_sign(sign);
    if (found) next();
    return found;
}

bool Parser::skip_name(std::string_view name) {
    const bool found = at_name(name);
    if (found) next();
    return found;
}

Result<void> Parser::expect_sign(std::string_view sign) {
    if (!skip_sign(sign)) return unexpected(fmt::format("'{}'", sign));
    return {};
}

Result<std::string> Parser::expect_name() {
    if (current().kind != TokenKind::kName) return unexpected("a name");
    return next().text;
}

Result<void> Parser::expect_block_end() {
    if (current().kind != TokenKind::kBlockEnd) return unexpected("'%}'");
    next();
    return {};
}

Error Parser::fail(ErrorKind kind, std::string_view what) const {
    return make_error(kind, fmt::format("line {}: {}", current().line, what));
}

Error Parser::unexpected(std::string_view wanted) const {
    return fail(ErrorKind::kInvalidInput, fmt::format("{} where {} should be", describe(current()), wanted));
}

Result<void> Parser::check_depth() const {
    if (depth_ <= kMaxParseDepth) return {};
    return fail(ErrorKind::kInvalidInput, fmt::format("tags or expressions lie more than {} deep", kMaxParseDepth));
}

// --- statements ----------------------------------------------------------------------------------------------------

Result<std::vector<Statement>> Parser::run() {
    DWUBIT_ASSIGN(auto body, statements_until({}));
    return body;
}

// Up to a tag that begins with one of `ends`; the name is then the current token. Without `ends`, the whole template.
Result<std::vector<Statement>> Parser::statements_until(Names ends) {
    const Level level(depth_);
    DWUBIT_TRY(check_depth());
    std::vector<Statement> body;
    while (current().kind != TokenKind::kEnd) {
        Statement item;
        item.line = current().line;
        if (current().kind == TokenKind::kText) {
            item.text = next().text;
        } else if (current().kind == TokenKind::kPrintBegin) {
            next();
            item.kind = StatementKind::kPrint;
            DWUBIT_ASSIGN(item.expression, tuple({}));
            if (current().kind != TokenKind::kPrintEnd) return unexpected("'}}'");
            next();
        } else {
            next();
            if (current().kind != TokenKind::kName) return unexpected("the name of a tag");
            if (std::find(ends.begin(), ends.end(), current().text) != ends.end()) return body;
            DWUBIT_ASSIGN(item, statement());
        }
        body.push_back(std::move(item));
    }
    if (ends.size() != 0) return unexpected(fmt::format("'{{% {} %}}'", *(ends.end() - 1)));
    return body;
}

// A tag, from its name to behind its end.
Result<Statement> Parser::statement() {
    const std::string name = current().text;
    if (name == "if") return parse_if();
    if (name == "for") return parse_for();
    if (name == "set") return parse_set();
    if (name == "with") return parse_with();
    if (name == "macro") return parse_macro();
    if (name == "call") return parse_call_block();
    if (name == "filter") return parse_filter_block();
    if (options_.chat_extensions && (name == "break" || name == "continue")) {
        return loop_jump(name == "break" ? StatementKind::kBreak : StatementKind::kContinue);
    }
    if (options_.chat_extensions && name == "generation") {
        Statement node;
        node.kind = StatementKind::kScope;
        node.line = next().line;
        DWUBIT_ASSIGN(node.body, body_until("endgeneration"));
        return node;
    }
    if (name == "elif" || name == "else" || name.starts_with("end")) {
        return fail(ErrorKind::kInvalidInput, fmt::format("'{{% {} %}}' belongs to no tag here", printable(name)));
    }
    return fail(ErrorKind::kUnsupported, fmt::format("'{{% {} %}}' is not supported", printable(name)));
}

// The rest of an opening tag, then its body, up to behind the end tag.
Result<std::vector<Statement>> Parser::body_until(std::string_view end) {
    DWUBIT_TRY(expect_block_end());
    DWUBIT_ASSIGN(auto body, statements_until({end}));
    next();
    DWUBIT_TRY(expect_block_end());
    return body;
}

Result<Statement> Parser::parse_if() {
    Statement node;
    node.kind = StatementKind::kIf;
    node.line = next().line;
    while (true) {
        Branch branch;
        DWUBIT_ASSIGN(branch.condition, tuple({.conditional = false}));
        DWUBIT_TRY(expect_block_end());
        DWUBIT_ASSIGN(branch.body, statements_until({"elif", "else", "endif"}));
        node.branches.push_back(std::move(branch));
        if (skip_name("elif")) continue;
        if (skip_name("else")) {
            Branch last;
            DWUBIT_ASSIGN(last.body, body_until("endif"));
            node.branches.push_back(std::move(last));
            return node;
        }
        next();
        DWUBIT_TRY(expect_block_end());
        return node;
    }
}

Result<Statement> Parser::parse_for() {
    Statement node;
    node.kind = StatementKind::kFor;
    node.line = next().line;
    DWUBIT_ASSIGN(node.target, target(false, "in"));
    if (!skip_name("in")) return unexpected("'in'");
    DWUBIT_ASSIGN(node.expression, tuple({.conditional = false, .end_name = "recursive"}));
    if (skip_name("if")) {
        DWUBIT_ASSIGN(node.condition, expression());
    }
    if (at_name("recursive")) return fail(ErrorKind::kUnsupported, "recursive loops are not supported");
    DWUBIT_TRY(expect_block_end());
    ++loops_;
    DWUBIT_ASSIGN(node.body, statements_until({"else", "endfor"}));
    --loops_;
    if (skip_name("else")) {
        DWUBIT_ASSIGN(node.else_body, body_until("endfor"));
        return node;
    }
    next();
    DWUBIT_TRY(expect_block_end());
    return node;
}

Result<Statement> Parser::parse_set() {
    Statement node;
    node.line = next().line;
    DWUBIT_ASSIGN(node.target, target(true, {}));
    if (skip_sign("=")) {
        node.kind = StatementKind::kSet;
        DWUBIT_ASSIGN(node.expression, tuple({}));
        DWUBIT_TRY(expect_block_end());
        return node;
    }
    node.kind = StatementKind::kSetBlock;
    while (skip_sign("|")) {
        DWUBIT_ASSIGN(node.expression, filter(std::move(node.expression)));
    }
    DWUBIT_ASSIGN(node.body, body_until("endset"));
    return node;
}

Result<Statement> Parser::parse_with() {
    Statement node;
    node.kind = StatementKind::kWith;
    node.line = next().line;
    while (current().kind != TokenKind::kBlockEnd) {
        if (!node.assignments.empty()) DWUBIT_TRY(expect_sign(","));
        DWUBIT_ASSIGN(auto name, target(false, {}));
        DWUBIT_TRY(expect_sign("="));
        DWUBIT_ASSIGN(auto value, expression());
        node.assignments.emplace_back(std::move(name), std::move(value));
    }
    DWUBIT_ASSIGN(node.body, body_until("endwith"));
    return node;
}

Result<Statement> Parser::parse_macro() {
    Statement node;
    node.kind = StatementKind::kMacro;
    node.line = next().line;
    DWUBIT_ASSIGN(node.text, expect_name());
    DWUBIT_ASSIGN(node.parameters, parameters());
    const int outer = std::exchange(loops_, 0);
    DWUBIT_ASSIGN(node.body, body_until("endmacro"));
    loops_ = outer;
    return node;
}

Result<Statement> Parser::parse_call_block() {
    Statement node;
    node.kind = StatementKind::kCallBlock;
    node.line = next().line;
    if (at_sign("(")) {
        DWUBIT_ASSIGN(node.parameters, parameters());
    }
    DWUBIT_ASSIGN(node.expression, expression());
    if (node.expression->kind != ExpressionKind::kCall) {
        return fail(ErrorKind::kInvalidInput, "'{% call %}' needs a call of a macro");
    }
    const int outer = std::exchange(loops_, 0);
    DWUBIT_ASSIGN(node.body, body_until("endcall"));
    loops_ = outer;
    return node;
}

Result<Statement> Parser::parse_filter_block() {
    Statement node;
    node.kind = StatementKind::kFilter;
    node.line = next().line;
    do {
        DWUBIT_ASSIGN(node.expression, filter(std::move(node.expression)));
    } while (skip_sign("|"));
    DWUBIT_ASSIGN(node.body, body_until("endfilter"));
    return node;
}

Result<Statement> Parser::loop_jump(StatementKind kind) {
    if (loops_ == 0) return fail(ErrorKind::kInvalidInput, fmt::format("'{}' outside a loop", current().text));
    Statement node;
    node.kind = kind;
    node.line = next().line;
    DWUBIT_TRY(expect_block_end());
    return node;
}

Result<std::vector<Parameter>> Parser::parameters() {
    DWUBIT_TRY(expect_sign("("));
    std::vector<Parameter> all;
    while (!at_sign(")")) {
        if (!all.empty()) DWUBIT_TRY(expect_sign(","));
        Parameter parameter;
        DWUBIT_ASSIGN(parameter.name, expect_name());
        if (skip_sign("=")) {
            DWUBIT_ASSIGN(parameter.fallback, expression());
        } else if (!all.empty() && all.back().fallback) {
            return fail(ErrorKind::kInvalidInput, "a parameter without a default follows one with a default");
        }
        all.push_back(std::move(parameter));
    }
    next();
    return all;
}

Result<Target> Parser::target(bool with_namespace, std::string_view end_name) {
    const Level level(depth_);
    DWUBIT_TRY(check_depth());
    std::vector<Target> parts;
    bool is_tuple = false;
    while (true) {
        if (is_tuple && (at_sign("=") || at_sign(")") || current().kind == TokenKind::kBlockEnd || at_name(end_name))) {
            break;
        }
        DWUBIT_ASSIGN(auto part, target_part(with_namespace));
        parts.push_back(std::move(part));
        if (!skip_sign(",")) break;
        is_tuple = true;
    }
    if (!is_tuple) return std::move(parts.front());
    Target all;
    all.is_tuple = true;
    all.parts = std::move(parts);
    return all;
}

Result<Target> Parser::target_part(bool with_namespace) {
    if (skip_sign("(")) {
        DWUBIT_ASSIGN(auto inner, target(with_namespace, {}));
        DWUBIT_TRY(expect_sign(")"));
        return inner;
    }
    Target part;
    DWUBIT_ASSIGN(part.name, expect_name());
    for (const std::string_view taken : {"true", "false", "none", "True", "False", "None"}) {
        if (part.name == taken) return fail(ErrorKind::kInvalidInput, fmt::format("'{}' cannot be set", taken));
    }
    if (with_namespace && skip_sign(".")) {
        DWUBIT_ASSIGN(part.attribute, expect_name());
    }
    return part;
}

}  // namespace dwubit::tmpl
