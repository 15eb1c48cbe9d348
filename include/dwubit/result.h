// Result<T> and Error: how every fallible function of dwubit reports failure.
//
// Libraries never print, never exit and never throw across their boundary; they return an Error whose context
// grows on the way up ("tensor model.layers.3..." , "file x.safetensors"). Programmer errors use DWUBIT_CHECK instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dwubit {

enum class ErrorKind {
    kUsage,         // a flag, option or argument is wrong: exit code 2
    kNotFound,      // a file, tensor or id does not exist
    kInvalidInput,  // a file or value was read and is not acceptable
    kUnsupported,   // valid, but this build cannot do it
    kIo,            // the operating system refused: permissions, full disk
    kOutOfMemory,   // an allocation that was sized from valid input failed
    kInterrupted,   // stopped by a signal; resumable work exits with 75
    kInternal,      // a bug in dwubit
};

// The name used in JSON errors: "usage", "not_found", "invalid_input", ...
std::string_view error_kind_name(ErrorKind kind);

struct Error {
    ErrorKind kind = ErrorKind::kInternal;
    std::string message;               // one sentence that names the file, tensor or flag
    std::vector<std::string> context;  // innermost first: "tensor a.b", "file c.safetensors"
    std::string hint;                  // what would be right; may be empty

    Error& add_context(std::string where) & {
        context.push_back(std::move(where));
        return *this;
    }
    Error&& add_context(std::string where) && {
        context.push_back(std::move(where));
        return std::move(*this);
    }
    Error&& with_hint(std::string text) && {
        hint = std::move(text);
        return std::move(*this);
    }
};

inline Error make_error(ErrorKind kind, std::string message) {
    return Error{kind, std::move(message), {}, {}};
}

// Either a T or an Error. Check ok() before value() or error(); the wrong access throws std::bad_variant_access.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    Error& error() & { return std::get<1>(state_); }
    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

    // Adds where it happened when this is an error; a value passes through.
    Result&& context(std::string where) && {
        if (!ok()) error().add_context(std::move(where));
        return std::move(*this);
    }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    Error& error() & { return error_.value(); }
    const Error& error() const& { return error_.value(); }
    Error&& error() && { return std::move(error_).value(); }

    Result&& context(std::string where) && {
        if (!ok()) error_->add_context(std::move(where));
        return std::move(*this);
    }

private:
    std::optional<Error> error_;
};

}  // namespace dwubit

#define DWUBIT_CONCAT_INNER(a, b) a##b
#define DWUBIT_CONCAT(a, b) DWUBIT_CONCAT_INNER(a, b)

// DWUBIT_TRY(expression): returns the error of a Result<void> from the enclosing function.
#define DWUBIT_TRY(...)                                  \
    do {                                                 \
        auto dwubit_try_result = (__VA_ARGS__);          \
        if (!dwubit_try_result.ok()) {                   \
            return std::move(dwubit_try_result).error(); \
        }                                                \
    } while (false)

// DWUBIT_ASSIGN(auto x, expression): binds the value of a Result<T>, or returns its error.
#define DWUBIT_ASSIGN(declaration, ...) \
    DWUBIT_ASSIGN_INNER(DWUBIT_CONCAT(dwubit_result_, __LINE__), declaration, __VA_ARGS__)
#define DWUBIT_ASSIGN_INNER(temporary, declaration, ...) \
    auto temporary = (__VA_ARGS__);                      \
    if (!temporary.ok()) {                               \
        return std::move(temporary).error();             \
    }                                                    \
    declaration = std::move(temporary).value()
