// A template of any text, as task and as chat template: parsed or refused, then rendered on fixed variables within
// small limits, twice to the same end. Two inputs in one, cut at the first NUL: the second part is a variable's text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "template/template.h"

namespace {

using dwubit::tmpl::Template;
using dwubit::tmpl::TemplateOptions;
using dwubit::tmpl::Value;

Value variables(std::string_view text) {
    const Value call = Value::dict({{"name", "f"}, {"arguments", Value::dict({{"x", 1}, {"y", Value::list({1.5})}})}});
    const Value user = Value::dict({{"role", "user"}, {"content", text}});
    const Value assistant = Value::dict({{"role", "assistant"}, {"content", "b"}, {"tool_calls", Value::list({call})}});
    return Value::dict({{"s", text},
                        {"n", 7},
                        {"f", 2.5},
                        {"none_", Value()},
                        {"l", Value::list({3, 1, 2})},
                        {"w", Value::list({"b", "A", text})},
                        {"d", Value::dict({{"a", 1}, {"b", text}})},
                        {"messages", Value::list({user, assistant, user})},
                        {"bos_token", "<s>"},
                        {"add_generation_prompt", true}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t cut = input.find('\0');
    const std::string_view text = input.substr(0, cut);
    const Value values = variables(cut == std::string_view::npos ? "Ala ma 'kota'." : input.substr(cut + 1));
    dwubit::tmpl::TemplateLimits limits;
    limits.steps = 100'000;
    limits.output_bytes = 1U << 20;
    limits.work_bytes = 8U << 20;
    for (const auto& options : {TemplateOptions::task(), TemplateOptions::chat()}) {
        const auto parsed = Template::parse(text, options);
        if (!parsed.ok()) {
            DWUBIT_CHECK(!parsed.error().message.empty() && parsed.error().message.size() < 1024);
            continue;
        }
        const auto first = parsed->render(values, limits);
        const auto second = parsed->render(values, limits);
        DWUBIT_CHECK(first.ok() == second.ok());
        if (first.ok()) {
            DWUBIT_CHECK(*first == *second && first->size() <= limits.output_bytes);
        } else {
            DWUBIT_CHECK(first.error().message == second.error().message);
        }
    }
    return 0;
}
