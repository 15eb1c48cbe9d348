// Walks a parsed template. One Renderer is one rendering, on one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "template/ast.h"
#include "template/engine.h"
#include "template/objects.h"

namespace dwubit::tmpl {

class Renderer {
public:
    Renderer(const TemplateOptions& options, const Value& variables, const TemplateLimits& limits);

    Result<std::string> run(const std::vector<Statement>& body);

private:
    // What a statement does to the loop around it.
    enum class Flow { kNext, kBreak, kContinue };

    // Counts how deep the evaluation is for as long as it lives.
    class Level {
    public:
        explicit Level(std::size_t& depth) : depth_(depth) { ++depth_; }
        ~Level() { --depth_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

    private:
        std::size_t& depth_;
    };

    Result<void> check_depth() const;

    // --- statements (renderer.cpp)
    Result<Flow> run_body(const std::vector<Statement>& body);
    Result<Flow> run_statement(const Statement& node);
    Result<Flow> run_if(const Statement& node);
    Result<void> run_for(const Statement& node);
    Result<bool> wanted(const Statement& node, const Value& item);
    Result<void> run_set_block(const Statement& node);
    Result<Flow> run_with(const Statement& node);
    Result<void> run_call_block(const Statement& node);
    Result<Flow> run_scope(const std::vector<Statement>& body);
    // The text that `body` writes, as a value.
    Result<Value> captured(const std::vector<Statement>& body);
    Result<void> write(std::string_view text);
    Result<void> write_value(const Value& value);
    Result<void> assign(const Target& target, const Value& value);

    // --- scopes (renderer.cpp)
    void enter_scope(Scope* parent, std::unique_ptr<Scope>& scope);
    void leave_scope(std::unique_ptr<Scope> scope, Scope* back_to);
    Result<Value> look_up(const std::string& name);
    Result<Macro*> make_macro(const Statement& node);

    // --- expressions (evaluate.cpp)
    Result<Value> evaluate(const Expression& node);
    Result<Value> evaluate_node(const Expression& node);
    Result<Value> evaluate_optional(const ExpressionPtr& node);
    Result<Value> evaluate_list(const Expression& node, SequenceKind kind);
    Result<Value> evaluate_dict(const Expression& node);
    Result<Value> evaluate_call(const Expression& node);
    Result<Value> evaluate_filter(const Expression& node);
    Result<Value> evaluate_test(const Expression& node);
    Result<Value> evaluate_compare(const Expression& node);
    Result<Value> evaluate_concat(const Expression& node);
    Result<Value> evaluate_conditional(const Expression& node);
    Result<Arguments> arguments_of(const Expression& node);

    // --- calls (calls.cpp)
    Result<Value> call_value(const Value& callee, Arguments arguments);
    Result<Value> call_macro(const Macro& macro, const Arguments& arguments);
    Result<void> bind_parameters(const Statement& definition, const Arguments& arguments);
    Result<Value> call_builtin(BuiltinKind kind, const Arguments& arguments);
    Result<Value> call_loop(Loop& loop, std::string_view name, const Arguments& arguments);
    Result<Value> make_range(const Arguments& arguments);
    Result<Value> make_dict_value(const Arguments& arguments);

    template <class T>
    Result<T*> own(std::unique_ptr<T> object) {
        DWUBIT_TRY(engine_.budget.bytes(sizeof(T) + 128));
        T* pointer = object.get();
        objects_.push_back(std::move(object));
        return pointer;
    }

    Engine engine_;
    const Value& variables_;
    std::vector<std::unique_ptr<Object>> objects_;
    std::vector<std::unique_ptr<Scope>> kept_scopes_;
    std::map<std::string, Value, std::less<>> builtins_;
    Scope root_;
    Scope* scope_ = &root_;
    std::string result_;
    std::string* out_ = &result_;
    const Value* block_input_ = nullptr;  // what a filter block filters
    std::size_t depth_ = 0;
    int line_ = 1;
};

}  // namespace dwubit::tmpl
