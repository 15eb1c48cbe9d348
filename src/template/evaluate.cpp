#include <fmt/format.h>

#include "base/text.h"
#include "template/filters.h"
#include "template/methods.h"
#include "template/renderer.h"
#include "template/tests.h"

namespace dwubit::tmpl {

Result<Value> Renderer::evaluate(const Expression& node) {
    const Level level(depth_);
    DWUBIT_TRY(check_depth());
    DWUBIT_TRY(engine_.budget.steps(1));
    return evaluate_node(node);
}

Result<Value> Renderer::evaluate_node(const Expression& node) {
    switch (node.kind) {
        case ExpressionKind::kConstant:
            return node.constant;
        case ExpressionKind::kName:
            line_ = node.line;
            return look_up(node.text);
        case ExpressionKind::kList:
            return evaluate_list(node, SequenceKind::kList);
        case ExpressionKind::kTuple:
            return evaluate_list(node, SequenceKind::kTuple);
        case ExpressionKind::kDict:
            return evaluate_dict(node);
        case ExpressionKind::kAttribute: {
            DWUBIT_ASSIGN(const Value value, evaluate(*node.children[0]));
            return get_attribute(value, node.text, engine_);
        }
        case ExpressionKind::kItem: {
            DWUBIT_ASSIGN(const Value value, evaluate(*node.children[0]));
            DWUBIT_ASSIGN(const Value key, evaluate(*node.children[1]));
            return get_item(value, key, engine_);
        }
        case ExpressionKind::kSlice: {
            DWUBIT_ASSIGN(const Value value, evaluate(*node.children[0]));
            DWUBIT_ASSIGN(const Value from, evaluate_optional(node.children[1]));
            DWUBIT_ASSIGN(const Value to, evaluate_optional(node.children[2]));
            DWUBIT_ASSIGN(const Value step, evaluate_optional(node.children[3]));
            return get_slice(value, from, to, step, engine_);
        }
        case ExpressionKind::kCall:
            return evaluate_call(node);
        case ExpressionKind::kFilter:
            return evaluate_filter(node);
        case ExpressionKind::kTest:
            return evaluate_test(node);
        case ExpressionKind::kNot: {
            DWUBIT_ASSIGN(const Value value, evaluate(*node.children[0]));
            DWUBIT_ASSIGN(const bool holds, truth(value, engine_));
            return Value(!holds);
        }
        case ExpressionKind::kNegative: {
            DWUBIT_ASSIGN(const Value value, evaluate(*node.children[0]));
            return negative(value);
        }
        case ExpressionKind::kPositive: {
            DWUBIT_ASSIGN(const Value value, evaluate(*node.children[0]));
            return arithmetic("+", Value(0), value, engine_);
        }
        case ExpressionKind::kAnd:
        case ExpressionKind::kOr: {
            DWUBIT_ASSIGN(Value value, evaluate(*node.children[0]));
            DWUBIT_ASSIGN(const bool holds, truth(value, engine_));
            if (holds == (node.kind == ExpressionKind::kOr)) return value;
            return evaluate(*node.children[1]);
        }
        case ExpressionKind::kArithmetic: {
            DWUBIT_ASSIGN(const Value left, evaluate(*node.children[0]));
            DWUBIT_ASSIGN(const Value right, evaluate(*node.children[1]));
            return arithmetic(node.text, left, right, engine_);
        }
        case ExpressionKind::kConcat:
            return evaluate_concat(node);
        case ExpressionKind::kCompare:
            return evaluate_compare(node);
        case ExpressionKind::kConditional:
            return evaluate_conditional(node);
    }
    return Value();
}

Result<Value> Renderer::evaluate_optional(const ExpressionPtr& node) {
    if (!node) return Value();
    return evaluate(*node);
}

Result<Value> Renderer::evaluate_list(const Expression& node, SequenceKind kind) {
    std::vector<Value> items;
    for (const auto& child : node.children) {
        DWUBIT_ASSIGN(auto item, evaluate(*child));
        items.push_back(std::move(item));
    }
    return make_list(std::move(items), engine_, kind);
}

Result<Value> Renderer::evaluate_dict(const Expression& node) {
    Dict dict;
    for (std::size_t i = 0; i < node.children.size(); i += 2) {
        DWUBIT_ASSIGN(auto key, evaluate(*node.children[i]));
        DWUBIT_ASSIGN(auto value, evaluate(*node.children[i + 1]));
        if (key.as_undefined() != nullptr) return undefined_error(key);
        if (!Dict::can_be_key(key)) return unsupported(fmt::format("a {} as a key is not supported", key.type_name()));
        dict.set(std::move(key), std::move(value));
    }
    return make_dict(std::move(dict), engine_);
}

Result<Arguments> Renderer::arguments_of(const Expression& node) {
    Arguments arguments;
    for (std::size_t i = 1; i < node.children.size(); ++i) {
        DWUBIT_ASSIGN(auto value, evaluate(*node.children[i]));
        arguments.positional.push_back(std::move(value));
    }
    for (const auto& [name, child] : node.named) {
        DWUBIT_ASSIGN(auto value, evaluate(*child));
        arguments.named.emplace_back(name, std::move(value));
    }
    return arguments;
}

Result<Value> Renderer::evaluate_call(const Expression& node) {
    line_ = node.line;
    const Expression& callee = *node.children[0];
    if (callee.kind != ExpressionKind::kAttribute) {
        DWUBIT_ASSIGN(const Value function, evaluate(callee));
        DWUBIT_ASSIGN(auto arguments, arguments_of(node));
        return call_value(function, std::move(arguments));
    }
    DWUBIT_ASSIGN(const Value object, evaluate(*callee.children[0]));
    if (is_python_method(object, callee.text)) {
        DWUBIT_ASSIGN(const auto arguments, arguments_of(node));
        return call_method(object, callee.text, arguments, engine_);
    }
    if (auto* loop = dynamic_cast<Loop*>(object.as_object());
        loop != nullptr && (callee.text == "cycle" || callee.text == "changed")) {
        DWUBIT_ASSIGN(const auto arguments, arguments_of(node));
        return call_loop(*loop, callee.text, arguments);
    }
    DWUBIT_ASSIGN(const Value function, get_attribute(object, callee.text, engine_));
    DWUBIT_ASSIGN(auto arguments, arguments_of(node));
    return call_value(function, std::move(arguments));
}

Result<Value> Renderer::evaluate_filter(const Expression& node) {
    Value input;
    if (node.children[0]) {
        DWUBIT_ASSIGN(input, evaluate(*node.children[0]));
    } else {
        input = *block_input_;
    }
    DWUBIT_ASSIGN(const auto arguments, arguments_of(node));
    line_ = node.line;
    return apply_filter(node.text, input, arguments, engine_);
}

Result<Value> Renderer::evaluate_test(const Expression& node) {
    DWUBIT_ASSIGN(const Value value, evaluate(*node.children[0]));
    DWUBIT_ASSIGN(const auto arguments, arguments_of(node));
    DWUBIT_ASSIGN(const bool passes, find_test(node.text)->function(value, arguments, engine_));
    return Value(passes);
}

Result<Value> Renderer::evaluate_compare(const Expression& node) {
    DWUBIT_ASSIGN(Value left, evaluate(*node.children[0]));
    for (std::size_t i = 0; i < node.operators.size(); ++i) {
        DWUBIT_ASSIGN(Value right, evaluate(*node.children[i + 1]));
        const std::string& sign = node.operators[i];
        bool holds = false;
        if (sign == "in" || sign == "not in") {
            DWUBIT_ASSIGN(holds, contains(right, left, engine_));
            if (sign == "not in") holds = !holds;
        } else if (sign == "==" || sign == "!=") {
            DWUBIT_ASSIGN(holds, equal(left, right, engine_));
            if (sign == "!=") holds = !holds;
        } else {
            DWUBIT_ASSIGN(const int found, order(left, right, engine_));
            holds = (found == 0 && sign.size() == 2) || found == (sign.front() == '<' ? -1 : 1);
        }
        if (!holds) return Value(false);
        left = std::move(right);
    }
    return Value(true);
}

Result<Value> Renderer::evaluate_concat(const Expression& node) {
    PaidText out(engine_.budget);
    for (const auto& child : node.children) {
        DWUBIT_ASSIGN(const Value value, evaluate(*child));
        DWUBIT_ASSIGN(const std::string text, text_of(value, engine_));
        DWUBIT_TRY(out.add(text));
    }
    return make_text(out.take(), engine_);
}

Result<Value> Renderer::evaluate_conditional(const Expression& node) {
    DWUBIT_ASSIGN(const Value condition, evaluate(*node.children[0]));
    DWUBIT_ASSIGN(const bool holds, truth(condition, engine_));
    if (holds) return evaluate(*node.children[1]);
    if (node.children[2]) return evaluate(*node.children[2]);
    return Value::undefined("the inline if-expression evaluated to false and no else section was defined.", true);
}

}  // namespace dwubit::tmpl
