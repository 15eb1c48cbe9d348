// A parsed template. One struct for expressions and one for statements; the comment behind a kind says which fields it
// uses.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "template/value.h"

namespace dwubit::tmpl {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind {
    kConstant,   // constant
    kName,       // text
    kList,       // children
    kTuple,      // children
    kDict,       // children: key, value, key, value, ...
    kAttribute,  // children[0] . text
    kItem,       // children[0] [ children[1] ]
    kSlice,      // children[0] [ children[1] : children[2] : children[3] ], each may be null
    kCall,       // children[0] ( children[1...], named )
    kFilter,     // children[0] | text ( children[1...], named ); children[0] is null in a filter block
    kTest,       // children[0] is text ( children[1...], named )
    kNot,        // children[0]
    kNegative,   // children[0]
    kPositive,   // children[0]
    kAnd,        // children[0], children[1]
    kOr,
    kArithmetic,   // children[0] text children[1]
    kConcat,       // children
    kCompare,      // children[0] operators[0] children[1] operators[1] ...
    kConditional,  // children[1] if children[0] else children[2], which may be null
};

struct Expression {
    ExpressionKind kind = ExpressionKind::kConstant;
    int line = 0;
    int depth = 1;
    std::string text;
    Value constant;
    std::vector<ExpressionPtr> children;
    std::vector<std::pair<std::string, ExpressionPtr>> named;
    std::vector<std::string> operators;
};

// What a value is assigned to: a name, name.attribute of a namespace, or several of them.
struct Target {
    std::string name;
    std::string attribute;      // empty: no namespace
    std::vector<Target> parts;  // not empty: a tuple
    bool is_tuple = false;
};

enum class StatementKind {
    kText,       // text
    kPrint,      // expression
    kIf,         // branches: condition (null for else) and body
    kFor,        // target in expression if condition: body; else_body
    kSet,        // target = expression
    kSetBlock,   // target = body, through expression (a filter chain) where there is one
    kWith,       // assignments, body
    kMacro,      // text: name; parameters; body
    kCallBlock,  // expression: a call; parameters, body: its caller()
    kFilter,     // expression: filters over body
    kBreak,
    kContinue,
    kScope,  // body
};

struct Statement;

struct Parameter {
    std::string name;
    ExpressionPtr fallback;  // null: none
};

struct Branch {
    ExpressionPtr condition;
    std::vector<Statement> body;
};

struct Statement {
    StatementKind kind = StatementKind::kText;
    int line = 0;
    std::string text;
    ExpressionPtr expression;
    ExpressionPtr condition;
    Target target;
    std::vector<Statement> body;
    std::vector<Statement> else_body;
    std::vector<Branch> branches;
    std::vector<Parameter> parameters;
    std::vector<std::pair<Target, ExpressionPtr>> assignments;
};

}  // namespace dwubit::tmpl
