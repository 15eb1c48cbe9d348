// Tokens to statements. Recursive descent with Jinja2's grammar and precedence; depth is bounded while it goes down.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "template/ast.h"
#include "template/lexer.h"
#include "template/template.h"

namespace dwubit::tmpl {

Result<std::vector<Statement>> parse_template(std::string_view text, const TemplateOptions& options);

class Parser {
public:
    Parser(std::vector<Token> tokens, const TemplateOptions& options) : tokens_(std::move(tokens)), options_(options) {}

    Result<std::vector<Statement>> run();

private:
    using Names = std::initializer_list<std::string_view>;

    // What an expression may be where commas make tuples.
    struct TupleRules {
        bool conditional = true;
        bool parentheses = false;        // () is the empty tuple
        std::string_view end_name = {};  // a name that ends it
    };

    // Counts how deep the descent is for as long as it lives.
    class Level {
    public:
        explicit Level(int& depth) : depth_(depth) { ++depth_; }
        ~Level() { --depth_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

    private:
        int& depth_;
    };

    // --- tokens (parser.cpp)
    const Token& current() const { return tokens_[at_]; }
    const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
    const Token& next();
    bool at_sign(std::string_view sign) const;
    bool at_name(std::string_view name) const;
    bool skip_sign(std::string_view sign);
    bool skip_name(std::string_view name);
    Result<void> expect_sign(std::string_view sign);
    Result<std::string> expect_name();
    Result<void> expect_block_end();
    Error fail(ErrorKind kind, std::string_view what) const;
    Error unexpected(std::string_view wanted) const;
    Result<void> check_depth() const;

    // --- statements (parser.cpp)
    Result<std::vector<Statement>> statements_until(Names ends);
    Result<Statement> statement();
    Result<Statement> parse_if();
    Result<Statement> parse_for();
    Result<Statement> parse_set();
    Result<Statement> parse_with();
    Result<Statement> parse_macro();
    Result<Statement> parse_call_block();
    Result<Statement> parse_filter_block();
    Result<Statement> loop_jump(StatementKind kind);
    Result<std::vector<Statement>> body_until(std::string_view end);
    Result<std::vector<Parameter>> parameters();
    Result<Target> target(bool with_namespace, std::string_view end_name);
    Result<Target> target_part(bool with_namespace);

    // --- expressions (expression_parser.cpp)
    Result<ExpressionPtr> tuple(TupleRules rules);
    Result<ExpressionPtr> expression(bool conditional = true);
    Result<ExpressionPtr> parse_or();
    Result<ExpressionPtr> parse_and();
    Result<ExpressionPtr> parse_not();
    Result<ExpressionPtr> compare();
    Result<ExpressionPtr> sum();
    Result<ExpressionPtr> concat();
    Result<ExpressionPtr> product();
    Result<ExpressionPtr> power();
    Result<ExpressionPtr> unary(bool with_filter);
    Result<ExpressionPtr> primary();
    Result<ExpressionPtr> list();
    Result<ExpressionPtr> dict();
    Result<ExpressionPtr> postfix(ExpressionPtr node);
    Result<ExpressionPtr> filters_and_tests(ExpressionPtr node);
    Result<ExpressionPtr> subscript(ExpressionPtr node);
    Result<ExpressionPtr> subscribed(ExpressionPtr node);
    Result<ExpressionPtr> filter(ExpressionPtr node);
    Result<ExpressionPtr> test(ExpressionPtr node);
    Result<ExpressionPtr> call(ExpressionPtr node);
    Result<void> arguments(Expression& node);
    ExpressionPtr make(ExpressionKind kind, std::string text = {}) const;
    // Checks how deep the tree under `node` has become.
    Result<ExpressionPtr> done(ExpressionPtr node) const;

    std::vector<Token> tokens_;
    const TemplateOptions& options_;
    std::size_t at_ = 0;
    int depth_ = 0;
    int loops_ = 0;  // for statements around, within the macro at hand
};

}  // namespace dwubit::tmpl
