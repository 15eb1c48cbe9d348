#include "template/renderer.h"

#include <fmt/format.h>

#include "base/text.h"

namespace dwubit::tmpl {

Renderer::Renderer(const TemplateOptions& options, const Value& variables, const TemplateLimits& limits)
    : engine_{options, Budget(limits)}, variables_(variables), root_(nullptr) {
    const auto add = [&](const char* name, BuiltinKind kind) {
        objects_.push_back(std::make_unique<Builtin>(kind));
        builtins_[name] = Value(objects_.back().get());
    };
    add("range", BuiltinKind::kRange);
    add("dict", BuiltinKind::kDict);
    add("namespace", BuiltinKind::kNamespace);
    if (options.chat_extensions) add("raise_exception", BuiltinKind::kRaiseException);
}

Result<std::string> Renderer::run(const std::vector<Statement>& body) {
    auto flow = run_body(body);
    if (!flow.ok()) return std::move(flow).error().add_context(fmt::format("template line {}", line_));
    return std::move(result_);
}

Result<void> Renderer::check_depth() const {
    if (depth_ <= engine_.budget.limits().depth) return {};
    return invalid(fmt::format("the template goes more than {} deep", engine_.budget.limits().depth));
}

// --- scopes --------------------------------------------------------------------------------------------------------

void Renderer::enter_scope(Scope* parent, std::unique_ptr<Scope>& scope) {
    scope = std::make_unique<Scope>(parent);
    scope_ = scope.get();
}

void Renderer::leave_scope(std::unique_ptr<Scope> scope, Scope* back_to) {
    if (scope->captured) kept_scopes_.push_back(std::move(scope));
    scope_ = back_to;
}

Result<Value> Renderer::look_up(const std::string& name) {
    for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
        if (const auto found = scope->names.find(name); found != scope->names.end()) return found->second;
    }
    if (const auto* dict = variables_.as_dict()) {
        if (const Value* found = dict->find_text(name)) return *found;
    }
    if (const auto found = builtins_.find(name); found != builtins_.end()) return found->second;
    for (const std::string_view known : {"lipsum", "cycler", "joiner", "self", "super", "varargs", "kwargs"}) {
        if (name == known) return unsupported(fmt::format("'{}' is not supported", name));
    }
    return Value::undefined(fmt::format("'{}' is undefined", printable(name, 60)));
}

Result<Macro*> Renderer::make_macro(const Statement& node) {
    auto macro = std::make_unique<Macro>();
    macro->definition = &node;
    macro->scope = scope_;
    DWUBIT_TRY(engine_.budget.bytes(sizeof(Scope)));
    for (Scope* scope = scope_; scope != nullptr; scope = scope->parent) scope->captured = true;
    return own(std::move(macro));
}

// --- output --------------------------------------------------------------------------------------------------------

Result<void> Renderer::write(std::string_view text) {
    DWUBIT_TRY(engine_.budget.bytes(text.size()));
    const auto limit = engine_.budget.limits().output_bytes;
    if (out_ == &result_ && text.size() > limit - result_.size()) {
        return invalid(fmt::format("the template writes more than {} bytes", limit));
    }
    *out_ += text;
    return {};
}

Result<void> Renderer::write_value(const Value& value) {
    if (const auto* text = value.as_string()) return write(*text);
    DWUBIT_ASSIGN(const std::string text, text_of(value, engine_));
    return write(text);
}

Result<Value> Renderer::captured(const std::vector<Statement>& body) {
    std::string text;
    std::string* outer = std::exchange(out_, &text);
    const auto flow = run_body(body);
    out_ = outer;
    if (!flow.ok()) return flow.error();
    return make_text(std::move(text), engine_);
}

Result<void> Renderer::assign(const Target& target, const Value& value) {
    if (target.is_tuple) {
        DWUBIT_ASSIGN(const auto items, iterate(value, engine_));
        if (items.size() != target.parts.size()) {
            return invalid(fmt::format("{} values for {} names", items.size(), target.parts.size()));
        }
        for (std::size_t i = 0; i < items.size(); ++i) DWUBIT_TRY(assign(target.parts[i], items[i]));
        return {};
    }
    if (target.attribute.empty()) {
        scope_->names.insert_or_assign(target.name, value);
        return {};
    }
    DWUBIT_ASSIGN(const Value holder, look_up(target.name));
    auto* object = dynamic_cast<Namespace*>(holder.as_object());
    if (object == nullptr) {
        return invalid(fmt::format("'{}' is no namespace: its attributes cannot be set", printable(target.name, 60)));
    }
    object->values.insert_or_assign(target.attribute, value);
    return {};
}

// --- statements ----------------------------------------------------------------------------------------------------

Result<Renderer::Flow> Renderer::run_body(const std::vector<Statement>& body) {
    const Level level(depth_);
    DWUBIT_TRY(check_depth());
    for (const Statement& node : body) {
        DWUBIT_TRY(engine_.budget.steps(1));
        line_ = node.line;
        DWUBIT_ASSIGN(const Flow flow, run_statement(node));
        if (flow != Flow::kNext) return flow;
    }
    return Flow::kNext;
}

Result<Renderer::Flow> Renderer::run_statement(const Statement& node) {
    switch (node.kind) {
        case StatementKind::kText:
            DWUBIT_TRY(write(node.text));
            break;
        case StatementKind::kPrint: {
            DWUBIT_ASSIGN(const Value value, evaluate(*node.expression));
            DWUBIT_TRY(write_value(value));
            break;
        }
        case StatementKind::kIf:
            return run_if(node);
        case StatementKind::kFor:
            DWUBIT_TRY(run_for(node));
            break;
        case StatementKind::kSet: {
            DWUBIT_ASSIGN(const Value value, evaluate(*node.expression));
            DWUBIT_TRY(assign(node.target, value));
            break;
        }
        case StatementKind::kSetBlock:
            DWUBIT_TRY(run_set_block(node));
            break;
        case StatementKind::kWith:
            return run_with(node);
        case StatementKind::kMacro: {
            DWUBIT_ASSIGN(Macro * macro, make_macro(node));
            scope_->names.insert_or_assign(node.text, Value(macro));
            break;
        }
        case StatementKind::kCallBlock:
            DWUBIT_TRY(run_call_block(node));
            break;
        case StatementKind::kFilter: {
            std::unique_ptr<Scope> scope;
            Scope* outer = scope_;
            enter_scope(outer, scope);
            auto text = captured(node.body);
            leave_scope(std::move(scope), outer);
            if (!text.ok()) return std::move(text).error();
            const Value* before = std::exchange(block_input_, &text.value());
            auto filtered = evaluate(*node.expression);
            block_input_ = before;
            if (!filtered.ok()) return std::move(filtered).error();
            DWUBIT_TRY(write_value(*filtered));
            break;
        }
        case StatementKind::kBreak:
            return Flow::kBreak;
        case StatementKind::kContinue:
            return Flow::kContinue;
        case StatementKind::kScope:
            return run_scope(node.body);
    }
    return Flow::kNext;
}

Result<Renderer::Flow> Renderer::run_if(const Statement& node) {
    for (const Branch& branch : node.branches) {
        bool taken = true;
        if (branch.condition) {
            DWUBIT_ASSIGN(const Value condition, evaluate(*branch.condition));
            DWUBIT_ASSIGN(taken, truth(condition, engine_));
        }
        if (taken) return run_body(branch.body);
    }
    return Flow::kNext;
}

// The condition of a for loop, which sees the loop's target but no `loop`.
Result<bool> Renderer::wanted(const Statement& node, const Value& item) {
    std::unique_ptr<Scope> scope;
    Scope* outer = scope_;
    enter_scope(outer, scope);
    auto test = [&]() -> Result<bool> {
        DWUBIT_TRY(assign(node.target, item));
        DWUBIT_ASSIGN(const Value condition, evaluate(*node.condition));
        return truth(condition, engine_);
    }();
    leave_scope(std::move(scope), outer);
    return test;
}

Result<void> Renderer::run_for(const Statement& node) {
    DWUBIT_ASSIGN(const Value source, evaluate(*node.expression));
    DWUBIT_ASSIGN(auto items, iterate(source, engine_));
    if (node.condition) {
        std::vector<Value> passing;
        for (const Value& item : items) {
            DWUBIT_ASSIGN(const bool passes, wanted(node, item));
            if (passes) passing.push_back(item);
        }
        items = std::move(passing);
    }
    Scope* outer = scope_;
    if (items.empty()) {
        DWUBIT_TRY(run_scope(node.else_body));
        return {};
    }
    DWUBIT_ASSIGN(Loop * loop, own(std::make_unique<Loop>()));
    loop->items = std::move(items);
    for (; loop->index < loop->items.size(); ++loop->index) {
        DWUBIT_TRY(engine_.budget.steps(1));
        std::unique_ptr<Scope> scope;
        enter_scope(outer, scope);
        scope->names.emplace("loop", Value(loop));
        auto flow = [&]() -> Result<Flow> {
            DWUBIT_TRY(assign(node.target, loop->items[loop->index]));
            return run_body(node.body);
        }();
        leave_scope(std::move(scope), outer);
        if (!flow.ok()) return std::move(flow).error();
        if (*flow == Flow::kBreak) break;
    }
    return {};
}

Result<void> Renderer::run_set_block(const Statement& node) {
    std::unique_ptr<Scope> scope;
    Scope* outer = scope_;
    enter_scope(outer, scope);
    auto text = captured(node.body);
    leave_scope(std::move(scope), outer);
    if (!text.ok()) return std::move(text).error();
    Value value = std::move(text).value();
    if (node.expression) {
        const Value* before = std::exchange(block_input_, &value);
        auto filtered = evaluate(*node.expression);
        block_input_ = before;
        if (!filtered.ok()) return std::move(filtered).error();
        value = std::move(filtered).value();
    }
    return assign(node.target, value);
}

Result<Renderer::Flow> Renderer::run_with(const Statement& node) {
    std::vector<Value> values;
    for (const auto& [target, expression] : node.assignments) {
        DWUBIT_ASSIGN(auto value, evaluate(*expression));
        values.push_back(std::move(value));
    }
    std::unique_ptr<Scope> scope;
    Scope* outer = scope_;
    enter_scope(outer, scope);
    auto flow = [&]() -> Result<Flow> {
        for (std::size_t i = 0; i < values.size(); ++i) DWUBIT_TRY(assign(node.assignments[i].first, values[i]));
        return run_body(node.body);
    }();
    leave_scope(std::move(scope), outer);
    return flow;
}

Result<void> Renderer::run_call_block(const Statement& node) {
    DWUBIT_ASSIGN(Macro * caller, make_macro(node));
    const Expression& call = *node.expression;
    DWUBIT_ASSIGN(const Value callee, evaluate(*call.children[0]));
    DWUBIT_ASSIGN(auto arguments, arguments_of(call));
    if (dynamic_cast<Macro*>(callee.as_object()) == nullptr) return invalid("'{% call %}' needs a macro");
    arguments.named.emplace_back("caller", Value(caller));
    DWUBIT_ASSIGN(const Value text, call_value(callee, std::move(arguments)));
    return write_value(text);
}

Result<Renderer::Flow> Renderer::run_scope(const std::vector<Statement>& body) {
    std::unique_ptr<Scope> scope;
    Scope* outer = scope_;
    enter_scope(outer, scope);
    auto flow = run_body(body);
    leave_scope(std::move(scope), outer);
    return flow;
}

}  // namespace dwubit::tmpl
