// Errors inside the lab are exceptions, since libtorch throws anyway: one type that carries an Error. api.cpp turns
// them into Results where the lab meets the rest.
#pragma once

#include <exception>
#include <utility>

#include "base/error.h"

namespace dwubit::lab {

class Failure : public std::exception {
public:
    explicit Failure(Error error) : error_(std::move(error)) {}
    const char* what() const noexcept override { return error_.message.c_str(); }
    const Error& error() const { return error_; }

private:
    Error error_;
};

template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
    throw Failure(errorf(kind, format, std::forward<Args>(args)...));
}

// The exception being handled as an Error: a Failure's own, out of memory, what libtorch says in one line. Call inside
// a catch.
Error current_error();

// The value of a Result, or its error thrown.
template <class T>
T unwrap(Result<T> result) {
    if (!result.ok()) throw Failure(std::move(result).error());
    return std::move(result).value();
}
inline void unwrap(Result<void> result) {
    if (!result.ok()) throw Failure(std::move(result).error());
}

}  // namespace dwubit::lab
