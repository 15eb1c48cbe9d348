#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "template/filters.h"
#include "template/parser.h"
#include "template/tests.h"

namespace dwubit::tmpl {
namespace {

// A chain a + b + c + ... makes a tree as deep as it is long.
constexpr int kMaxTreeDepth = 400;

}  // namespace

ExpressionPtr Parser::make(ExpressionKind kind, std::string text) const {
    auto node = std::make_unique<Expression>();
    node->kind = kind;
    node->line = current().line;
    node->text = std::move(text);
    return node;
}

Result<ExpressionPtr> Parser::done(ExpressionPtr node) const {
    for (const auto& child : node->children) {
        if (child) node->depth = std::max(node->depth, child->depth + 1);
    }
    for (const auto& [name, child] : node->named) node->depth = std::max(node->depth, child->depth + 1);
    if (node->depth > kMaxTreeDepth) {
        return fail(ErrorKind::kInvalidInput, fmt::format("the expression is more than {} deep", kMaxTreeDepth));
    }
    return node;
}

Result<ExpressionPtr> Parser::tuple(TupleRules rules) {
    const auto at_end = [&] {
        return current().kind == TokenKind::kPrintEnd || current().kind == TokenKind::kBlockEnd || at_sign(")") ||
               (!rules.end_name.empty() && at_name(rules.end_name));
    };
    auto node = make(ExpressionKind::kTuple);
    bool is_tuple = false;
    while (true) {
        if (!node->children.empty()) DWUBIT_TRY(expect_sign(","));
        if (at_end()) break;
        DWUBIT_ASSIGN(auto item, expression(rules.conditional));
        node->children.push_back(std::move(item));
        if (!at_sign(",")) break;
        is_tuple = true;
    }
    if (!is_tuple && !node->children.empty()) return std::move(node->children.front());
    if (!is_tuple && !rules.parentheses) return unexpected("an expression");
    return done(std::move(node));
}

Result<ExpressionPtr> Parser::expression(bool conditional) {
    const Level level(depth_);
    DWUBIT_TRY(check_depth());
    DWUBIT_ASSIGN(auto node, parse_or());
    while (conditional && at_name("if")) {
        auto choice = make(ExpressionKind::kConditional);
        next();
        DWUBIT_ASSIGN(auto condition, parse_or());
        ExpressionPtr otherwise;
        if (skip_name("else")) {
            DWUBIT_ASSIGN(otherwise, expression());
        }
        choice->children.push_back(std::move(condition));
        choice->children.push_back(std::move(node));
        choice->children.push_back(std::move(otherwise));
        DWUBIT_ASSIGN(node, done(std::move(choice)));
    }
    return node;
}

Result<ExpressionPtr> Parser::parse_or() {
    DWUBIT_ASSIGN(auto node, parse_and());
    while (at_name("or")) {
        auto both = make(ExpressionKind::kOr);
        next();
        DWUBIT_ASSIGN(auto right, parse_and());
        both->children.push_back(std::move(node));
        both->children.push_back(std::move(right));
        DWUBIT_ASSIGN(node, done(std::move(both)));
    }
    return node;
}

Result<ExpressionPtr> Parser::parse_and() {
    DWUBIT_ASSIGN(auto node, parse_not());
    while (at_name("and")) {
        auto both = make(ExpressionKind::kAnd);
        next();
        DWUBIT_ASSIGN(auto right, parse_not());
        both->children.push_back(std::move(node));
        both->children.push_back(std::move(right));
        DWUBIT_ASSIGN(node, done(std::move(both)));
    }
    return node;
}

Result<ExpressionPtr> Parser::parse_not() {
    if (!at_name("not")) return compare();
    const Level level(depth_);
    DWUBIT_TRY(check_depth());
    auto node = make(ExpressionKind::kNot);
    next();
    DWUBIT_ASSIGN(auto operand, parse_not());
    node->children.push_back(std::move(operand));
    return done(std::move(node));
}

Result<ExpressionPtr> Parser::compare() {
    auto node = make(ExpressionKind::kCompare);
    DWUBIT_ASSIGN(auto first, sum());
    node->children.push_back(std::move(first));
    while (true) {
        static constexpr std::array<std::string_view, 6> kSigns = {"==", "!=", "<", "<=", ">", ">="};
        if (current().kind == TokenKind::kOperator &&
            std::find(kSigns.begin(), kSigns.end(), current().text) != kSigns.end()) {
            node->operators.push_back(next().text);
        } else if (skip_name("in")) {
            node->operators.emplace_back("in");
        } else if (at_name("not") && ahead().kind == TokenKind::kName && ahead().text == "in") {
            next();
            next();
            node->operators.emplace_back("not in");
        } else {
            break;
        }
        DWUBIT_ASSIGN(auto operand, sum());
        node->children.push_back(std::move(operand));
    }
    if (node->operators.empty()) return std::move(node->children.front());
    return done(std::move(node));
}

Result<ExpressionPtr> Parser::sum() {
    DWUBIT_ASSIGN(auto node, concat());
    while (at_sign("+") || at_sign("-")) {
        auto both = make(ExpressionKind::kArithmetic, next().text);
        DWUBIT_ASSIGN(auto right, concat());
        both->children.push_back(std::move(node));
        both->children.push_back(std::move(right));
        DWUBIT_ASSIGN(node, done(std::move(both)));
    }
    return node;
}

Result<ExpressionPtr> Parser::concat() {
    auto node = make(ExpressionKind::kConcat);
    DWUBIT_ASSIGN(auto first, product());
    node->children.push_back(std::move(first));
    while (skip_sign("~")) {
        DWUBIT_ASSIGN(auto item, product());
        node->children.push_back(std::move(item));
    }
    if (node->children.size() == 1) return std::move(node->children.front());
    return done(std::move(node));
}

Result<ExpressionPtr> Parser::product() {
    DWUBIT_ASSIGN(auto node, power());
    while (at_sign("*") || at_sign("/") || at_sign("//") || at_sign("%")) {
        auto both = make(ExpressionKind::kArithmetic, next().text);
        DWUBIT_ASSIGN(auto right, power());
        both->children.push_back(std::move(node));
        both->children.push_back(std::move(right));
        DWUBIT_ASSIGN(node, done(std::move(both)));
    }
    return node;
}

Result<ExpressionPtr> Parser::power() {
    DWUBIT_ASSIGN(auto node, unary(true));
    while (at_sign("**")) {
        auto both = make(ExpressionKind::kArithmetic, next().text);
        DWUBIT_ASSIGN(auto right, unary(true));
        both->children.push_back(std::move(node));
        both->children.push_back(std::move(right));
        DWUBIT_ASSIGN(node, done(std::move(both)));
    }
    return node;
}

Result<ExpressionPtr> Parser::unary(bool with_filter) {
    const Level level(depth_);
    DWUBIT_TRY(check_depth());
    ExpressionPtr node;
    if (at_sign("-") || at_sign("+")) {
        node = make(at_sign("-") ? ExpressionKind::kNegative : ExpressionKind::kPositive);
        next();
        DWUBIT_ASSIGN(auto operand, unary(false));
        node->children.push_back(std::move(operand));
        DWUBIT_ASSIGN(node, done(std::move(node)));
    } else {
        DWUBIT_ASSIGN(node, primary());
    }
    DWUBIT_ASSIGN(node, postfix(std::move(node)));
    return with_filter ? filters_and_tests(std::move(node)) : std::move(node);
}

Result<ExpressionPtr> Parser::primary() {
    auto node = make(ExpressionKind::kConstant);
    const Token& token = current();
    switch (token.kind) {
        case TokenKind::kName:
            if (token.text == "true" || token.text == "True" || token.text == "false" || token.text == "False") {
                node->constant = Value(token.text == "true" || token.text == "True");
            } else if (token.text != "none" && token.text != "None") {
                node->kind = ExpressionKind::kName;
                node->text = token.text;
            }
            next();
            return node;
        case TokenKind::kString: {
            std::string text;
            while (current().kind == TokenKind::kString) text += next().text;
            node->constant = Value(std::move(text));
            return node;
        }
        case TokenKind::kInteger:
            node->constant = Value(next().integer);
            return node;
        case TokenKind::kFloat:
            node->constant = Value(next().real);
            return node;
        default:
            break;
    }
    if (skip_sign("(")) {
        DWUBIT_ASSIGN(node, tuple({.parentheses = true}));
        DWUBIT_TRY(expect_sign(")"));
        return node;
    }
    if (at_sign("[")) return list();
    if (at_sign("{")) return dict();
    return unexpected("an expression");
}

Result<ExpressionPtr> Parser::list() {
    auto node = make(ExpressionKind::kList);
    next();
    while (!at_sign("]")) {
        if (!node->children.empty()) DWUBIT_TRY(expect_sign(","));
        if (at_sign("]")) break;
        DWUBIT_ASSIGN(auto item, expression());
        node->children.push_back(std::move(item));
    }
    next();
    return done(std::move(node));
}

Result<ExpressionPtr> Parser::dict() {
    auto node = make(ExpressionKind::kDict);
    next();
    while (!at_sign("}")) {
        if (!node->children.empty()) DWUBIT_TRY(expect_sign(","));
        if (at_sign("}")) break;
        DWUBIT_ASSIGN(auto key, expression());
        DWUBIT_TRY(expect_sign(":"));
        DWUBIT_ASSIGN(auto value, expression());
        node->children.push_back(std::move(key));
        node->children.push_back(std::move(value));
    }
    next();
    return done(std::move(node));
}

Result<ExpressionPtr> Parser::postfix(ExpressionPtr node) {
    while (true) {
        if (at_sign(".") || at_sign("[")) {
            DWUBIT_ASSIGN(node, subscript(std::move(node)));
        } else if (at_sign("(")) {
            DWUBIT_ASSIGN(node, call(std::move(node)));
        } else {
            return node;
        }
    }
}

Result<ExpressionPtr> Parser::filters_and_tests(ExpressionPtr node) {
    while (true) {
        if (skip_sign("|")) {
            DWUBIT_ASSIGN(node, filter(std::move(node)));
        } else if (skip_name("is")) {
            DWUBIT_ASSIGN(node, test(std::move(node)));
        } else if (at_sign("(")) {
            DWUBIT_ASSIGN(node, call(std::move(node)));
        } else {
            return node;
        }
    }
}

Result<ExpressionPtr> Parser::subscript(ExpressionPtr node) {
    if (skip_sign("[")) {
        DWUBIT_ASSIGN(auto item, subscribed(std::move(node)));
        DWUBIT_TRY(expect_sign("]"));
        return item;
    }
    next();
    auto access = make(ExpressionKind::kAttribute);
    access->children.push_back(std::move(node));
    if (current().kind == TokenKind::kInteger) {
        access->kind = ExpressionKind::kItem;
        auto index = make(ExpressionKind::kConstant);
        index->constant = Value(next().integer);
        access->children.push_back(std::move(index));
    } else {
        DWUBIT_ASSIGN(access->text, expect_name());
    }
    return done(std::move(access));
}

Result<ExpressionPtr> Parser::subscribed(ExpressionPtr node) {
    auto access = make(ExpressionKind::kItem);
    access->children.push_back(std::move(node));
    ExpressionPtr first;
    if (!at_sign(":")) {
        DWUBIT_ASSIGN(first, expression());
    }
    access->children.push_back(std::move(first));
    if (at_sign(":")) {
        access->kind = ExpressionKind::kSlice;
        for (int part = 0; part < 2; ++part) {
            ExpressionPtr bound;
            if (skip_sign(":") && !at_sign(":") && !at_sign("]") && !at_sign(",")) {
                DWUBIT_ASSIGN(bound, expression());
            }
            access->children.push_back(std::move(bound));
        }
    }
    if (at_sign(",")) return fail(ErrorKind::kUnsupported, "several indexes in one [...] are not supported");
    return done(std::move(access));
}

Result<ExpressionPtr> Parser::filter(ExpressionPtr node) {
    auto applied = make(ExpressionKind::kFilter);
    DWUBIT_ASSIGN(applied->text, expect_name());
    if (at_sign(".") || (!has_filter(applied->text, options_))) {
        return fail(ErrorKind::kUnsupported, fmt::format("the filter '{}' is not supported", printable(applied->text)));
    }
    applied->children.push_back(std::move(node));
    if (at_sign("(")) DWUBIT_TRY(arguments(*applied));
    return done(std::move(applied));
}

Result<ExpressionPtr> Parser::test(ExpressionPtr node) {
    auto tested = make(ExpressionKind::kTest);
    const bool negated = skip_name("not");
    DWUBIT_ASSIGN(tested->text, expect_name());
    if (at_sign(".") || find_test(tested->text) == nullptr) {
        return fail(ErrorKind::kUnsupported, fmt::format("the test '{}' is not supported", printable(tested->text)));
    }
    tested->children.push_back(std::move(node));
    const TokenKind kind = current().kind;
    if (at_sign("(")) {
        DWUBIT_TRY(arguments(*tested));
    } else if (at_name("is")) {
        return fail(ErrorKind::kInvalidInput, "tests cannot follow each other with 'is'");
    } else if ((kind == TokenKind::kName && !at_name("else") && !at_name("or") && !at_name("and")) ||
               kind == TokenKind::kString || kind == TokenKind::kInteger || kind == TokenKind::kFloat || at_sign("[") ||
               at_sign("{")) {
        DWUBIT_ASSIGN(auto argument, primary());
        DWUBIT_ASSIGN(argument, postfix(std::move(argument)));
        tested->children.push_back(std::move(argument));
    }
    DWUBIT_ASSIGN(tested, done(std::move(tested)));
    if (!negated) return tested;
    auto inverse = make(ExpressionKind::kNot);
    inverse->children.push_back(std::move(tested));
    return done(std::move(inverse));
}

Result<ExpressionPtr> Parser::call(ExpressionPtr node) {
    auto called = make(ExpressionKind::kCall);
    called->children.push_back(std::move(node));
    DWUBIT_TRY(arguments(*called));
    return done(std::move(called));
}

Result<void> Parser::arguments(Expression& node) {
    DWUBIT_TRY(expect_sign("("));
    bool first = true;
    while (!at_sign(")")) {
        if (!first) DWUBIT_TRY(expect_sign(","));
        if (!first && at_sign(")")) break;
        first = false;
        if (at_sign("*") || at_sign("**")) {
            return fail(ErrorKind::kUnsupported, "* and ** in front of an argument are not supported");
        }
        if (current().kind == TokenKind::kName && ahead().kind == TokenKind::kOperator && ahead().text == "=") {
            std::string name = next().text;
            next();
            DWUBIT_ASSIGN(auto value, expression());
            const auto same = [&](const auto& other) { return other.first == name; };
            if (std::any_of(node.named.begin(), node.named.end(), same)) {
                return fail(ErrorKind::kInvalidInput, fmt::format("the argument '{}' is given twice", printable(name)));
            }
            node.named.emplace_back(std::move(name), std::move(value));
            continue;
        }
        if (!node.named.empty()) {
            return fail(ErrorKind::kInvalidInput, "an argument without a name follows one with a name");
        }
        DWUBIT_ASSIGN(auto value, expression());
        node.children.push_back(std::move(value));
    }
    next();
    return {};
}

}  // namespace dwubit::tmpl
