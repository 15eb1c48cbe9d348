// A bounded subset of Jinja2: chat templates of models, and the task templates of lm-evaluation-harness.
//
// A template comes from strangers. parse() refuses what is outside the subset, naming the construct and its line;
// render() stops at limits of steps, depth and bytes; nothing in a template reaches files, the clock or the process.
// What is rendered is what Jinja2 renders, byte for byte. docs/templates.md lists the subset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "dwubit/result.h"
#include "template/value.h"

namespace dwubit::tmpl {

struct TemplateOptions {
    bool trim_blocks = false;    // the newline after a block tag is dropped
    bool lstrip_blocks = false;  // so are the blanks in front of one that starts a line
    bool keep_trailing_newline = true;
    bool strict_undefined = true;  // a missing variable is an error where it is used, else empty
    bool chat_extensions = false;  // break, continue, the generation tag, raise_exception(), and tojson as plain JSON
    std::unordered_map<std::string, Function> filters;  // more filters, by name

    // As lm-evaluation-harness compiles its task templates.
    static TemplateOptions task();
    // As transformers compiles chat templates.
    static TemplateOptions chat();
};

struct TemplateLimits {
    std::uint64_t steps = 10'000'000;        // nodes evaluated, and items or 32-byte pieces passed by one of them
    std::size_t depth = 600;                 // nodes within nodes, macro calls included
    std::uint64_t output_bytes = 16U << 20;  // of the result
    std::uint64_t work_bytes = 256U << 20;   // of all strings and lists made on the way
};

inline constexpr std::size_t kMaxTemplateBytes = 1U << 20;

class Template {
public:
    // Errors: kUnsupported for a construct outside the subset, kInvalidInput for text that is no template.
    static Result<Template> parse(std::string_view text, TemplateOptions options = TemplateOptions::task());

    // `variables` is a dict with text as keys. A limit that is reached is an error, kInvalidInput.
    Result<std::string> render(const Value& variables, const TemplateLimits& limits = {}) const;

private:
    struct Impl;
    explicit Template(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<const Impl> impl_;
};

}  // namespace dwubit::tmpl
