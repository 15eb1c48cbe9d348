// Renders templates for template_golden.py: JSON lines on stdin, one answer each on stdout.
//
//   {"template": "...", "mode": "task" | "chat", "variables": {...}}  ->  {"text": "..."}
//                                                                     or  {"error": "...", "kind": "...", "parsed":
//                                                                     bool}
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "support/template_value.h"
#include "template/template.h"

namespace {

using Json = nlohmann::ordered_json;
using dwubit::tmpl::Template;
using dwubit::tmpl::TemplateOptions;

Json refusal(const dwubit::Error& error, bool parsed) {
    return {{"error", error.message}, {"kind", dwubit::error_kind_name(error.kind)}, {"parsed", parsed}};
}

Json answer(const Json& question) {
    auto options = question.at("mode") == "chat" ? TemplateOptions::chat() : TemplateOptions::task();
    const auto parsed = Template::parse(question.at("template").get<std::string>(), std::move(options));
    if (!parsed.ok()) return refusal(parsed.error(), false);
    const auto text = parsed->render(dwubit::template_value(question.at("variables")));
    if (!text.ok()) return refusal(text.error(), true);
    return {{"text", *text}};
}

}  // namespace

int main() {
    std::string line;
    while (std::getline(std::cin, line)) std::cout << answer(Json::parse(line)).dump() << '\n';
    return 0;
}
