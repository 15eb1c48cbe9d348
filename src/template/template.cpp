#include "template/template.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "template/parser.h"
#include "template/renderer.h"

namespace dwubit::tmpl {

struct Template::Impl {
    TemplateOptions options;
    std::vector<Statement> body;
};

TemplateOptions TemplateOptions::task() {
    return {};
}

TemplateOptions TemplateOptions::chat() {
    TemplateOptions options;
    options.trim_blocks = true;
    options.lstrip_blocks = true;
    options.keep_trailing_newline = false;
    options.strict_undefined = false;
    options.chat_extensions = true;
    return options;
}

Result<Template> Template::parse(std::string_view text, TemplateOptions options) {
    DWUBIT_ASSIGN(auto body, parse_template(text, options));
    return Template(std::make_shared<const Impl>(Impl{std::move(options), std::move(body)}));
}

Result<std::string> Template::render(const Value& variables, const TemplateLimits& limits) const {
    if (variables.as_dict() == nullptr) return invalid("the variables of a template are a dict");
    DWUBIT_TRY(check_value_depth(variables));
    return Renderer(impl_->options, variables, limits).run(impl_->body);
}

}  // namespace dwubit::tmpl
