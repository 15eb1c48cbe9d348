// Limits, refusals and messages; what a template renders is in golden_test.cpp.
#include "template/template.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace dwubit::tmpl {
namespace {

Result<std::string> render(const std::string& text, const Value& variables = Value::dict({}),
                           const TemplateOptions& options = TemplateOptions::chat(),
                           const TemplateLimits& limits = {}) {
    DWUBIT_ASSIGN(const Template parsed, Template::parse(text, options));
    return parsed.render(variables, limits);
}

std::string error_of(const Result<std::string>& result) {
    return result.ok() ? "no error: " + result.value().substr(0, 80) : result.error().message;
}

std::string repeated(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

TEST(Template, AnEndlessTemplateIsAnError) {
    EXPECT_NE(error_of(render("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"))
                  .find("steps"),
              std::string::npos);
    EXPECT_NE(error_of(render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")).find("deep"), std::string::npos);
    EXPECT_NE(error_of(render("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}")).find("deep"),
              std::string::npos);
    EXPECT_NE(error_of(render("{{ range(10 ** 12)|length }}")).find("bytes"), std::string::npos);
}

TEST(Template, GrowthIsAnError) {
    const std::string doubling =
        "{% set n = namespace(s='ab') %}{% for i in range(64) %}{% set n.s = n.s + n.s %}{% endfor %}";
    EXPECT_NE(error_of(render(doubling)).find("bytes"), std::string::npos);
    EXPECT_NE(error_of(render("{{ 'x' * 10 ** 15 }}")).find("bytes"), std::string::npos);
    EXPECT_NE(error_of(render("{{ [1] * 10 ** 15 }}")).find("bytes"), std::string::npos);
    EXPECT_NE(error_of(render("{% set s = 'x' * 10 ** 6 %}{{ s|replace('x', s) }}")).find("bytes"), std::string::npos);
    // Lists that share their parts: little memory, but no end to print or compare.
    const std::string sharing =
        "{% set n = namespace(a=[], b=[]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] "
        "%}{% endfor %}";
    TemplateLimits limits;
    limits.steps = 100'000;
    for (const std::string use : {"{{ n.a }}", "{{ n.a == n.b }}", "{{ n.a < n.b }}", "{{ n.a|tojson }}"}) {
        EXPECT_NE(error_of(render(sharing + use, Value::dict({}), TemplateOptions::chat(), limits)).find("steps"),
                  std::string::npos)
            << use;
    }
    EXPECT_NE(
        error_of(render("{% set n = namespace(a=[]) %}{% for i in range(10000) %}{% set n.a = [n.a] %}{% endfor %}"))
            .find("deep"),
        std::string::npos);
}

TEST(Template, OutputIsBounded) {
    TemplateLimits limits;
    limits.output_bytes = 100;
    const std::string text = "{% for i in range(20) %}12345{% endfor %}";
    EXPECT_TRUE(render(text, Value::dict({}), TemplateOptions::chat(), limits).ok());
    EXPECT_NE(
        error_of(render(text + "x", Value::dict({}), TemplateOptions::chat(), limits)).find("more than 100 bytes"),
        std::string::npos);
}

TEST(Template, DeepTextIsRefused) {
    for (const auto& [open, close] : std::vector<std::pair<std::string, std::string>>{
             {"(", ")"}, {"[", "]"}, {"not ", ""}, {"-", ""}, {"{1:", "}"}, {"f(", ")"}, {"a[", "]"}, {"x|d(", ")"}}) {
        EXPECT_FALSE(Template::parse("{{ " + repeated(open, 100000) + "1" + repeated(close, 100000) + " }}").ok())
            << open;
    }
    EXPECT_FALSE(Template::parse(repeated("{% if 1 %}", 50000)).ok());
    EXPECT_FALSE(Template::parse("{{ 1" + repeated("+1", 100000) + " }}").ok());
    EXPECT_FALSE(Template::parse("{{ a" + repeated("|d", 100000) + " }}").ok());
    EXPECT_FALSE(Template::parse("{{ a" + repeated(".b", 100000) + " }}").ok());
    EXPECT_FALSE(Template::parse("{% set " + repeated("(", 100000) + " %}").ok());
    EXPECT_FALSE(Template::parse("{{ 1 if 1 else " + repeated("1 if 1 else ", 50000) + "1 }}").ok());
    EXPECT_EQ(render("{{ 1" + repeated("+1", 200) + " }}").value(), "201");
    EXPECT_FALSE(Template::parse(std::string(kMaxTemplateBytes + 1, 'x')).ok());
}

TEST(Template, MessagesSayLineAndConstruct) {
    const auto refused = Template::parse("a\nb\n{% include 'x' %}");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(refused.error().message, "line 3: '{% include %}' is not supported");
    EXPECT_EQ(Template::parse("{{ x|xmlattr }}").error().message, "line 1: the filter 'xmlattr' is not supported");
    EXPECT_EQ(Template::parse("{{ x is escaped }}").error().message, "line 1: the test 'escaped' is not supported");
    EXPECT_EQ(Template::parse("{{ x|tojson }}").error().message, "line 1: the filter 'tojson' is not supported");
    EXPECT_EQ(Template::parse("{% if x %}\n").error().kind, ErrorKind::kInvalidInput);
    const auto failed = render("a\n\n{{ n + 'x' }}", Value::dict({{"n", 1}}));
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().message, "'+' does not work between a int and a str");
    ASSERT_EQ(failed.error().context.size(), 1U);
    EXPECT_EQ(failed.error().context[0], "template line 3");
    EXPECT_EQ(error_of(render("{{ doc.choices }}", Value::dict({{"doc", Value::dict({})}}), TemplateOptions::task())),
              "'dict object' has no attribute 'choices'");
    EXPECT_EQ(error_of(render("{{ raise_exception('no roles') }}")), "the template refuses: no roles");
}

TEST(Template, NothingChangesAndNothingLeaksOut) {
    EXPECT_EQ(render("{{ l.append(1) }}", Value::dict({{"l", Value::list({})}})).error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(render("{{ ''.__class__ }}").error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(render("{{ ''['__class__'] }}").error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(render("{{ 9223372036854775807 + 1 }}").error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(render("{{ -9223372036854775807 - 1 }}").value(), "-9223372036854775808");
    EXPECT_FALSE(render("{{ (-9223372036854775807 - 1) // -1 }}").ok());
    EXPECT_EQ(render("{{ (-9223372036854775807 - 1) % -1 }}").value(), "0");
    EXPECT_EQ(render("{{ 'abc'[-9223372036854775807 - 1:9223372036854775807:9223372036854775807] }}").value(), "a");
    EXPECT_EQ(render("{{ 'abc'[::-9223372036854775807 - 1] }}").value(), "c");
}

// What outlives the scope it was made in.
TEST(Template, MacrosAndLoopsMayLeaveTheirScope) {
    EXPECT_EQ(
        render("{% set n = namespace() %}{% for x in [1, 2] %}{% set y = x * 10 %}{% macro f() %}{{ y }}{% endmacro %}"
               "{% set n.f = f %}{% set n.loop = loop %}{% endfor %}{{ n.f() }} {{ n.loop.length }}")
            .value(),
        "20 2");
    EXPECT_EQ(render("{% set n = namespace() %}{% set n.me = n %}{{ n.me.me is defined }}").value(), "True");
}

TEST(Template, FunctionsOfTheCaller) {
    auto options = TemplateOptions::chat();
    options.filters["twice"] = [](std::span<const Value> arguments) -> Result<Value> {
        return Value(*arguments[0].as_string() + *arguments[0].as_string());
    };
    const Value now = Value::function([](std::span<const Value> arguments) -> Result<Value> {
        return Value("formatted " + *arguments[0].as_string());
    });
    EXPECT_EQ(render("{{ strftime_now('%Y') }}{{ 'ab'|twice }}{{ ['x']|map('twice')|first }}",
                     Value::dict({{"strftime_now", now}}), options)
                  .value(),
              "formatted %Yababxx");
}

TEST(Template, IllFormedTextIsReadSafely) {
    EXPECT_FALSE(Template::parse("\xff").ok());
    const Value broken = Value::dict({{"s", std::string("\xe2\x82 a\xf0\x9f\xff\xc3")}});
    for (const char* use : {"s|upper", "s|lower", "s|title", "s|length", "s[::-1]", "s[1]", "s|list", "[s]", "s|tojson",
                            "s.split()", "s.rsplit(none, 1)", "s|trim", "s.strip('a')", "s.splitlines()", "s|indent"}) {
        EXPECT_TRUE(render("{{ " + std::string(use) + " }}", broken).ok()) << use;
    }
}

TEST(Template, OneTemplateRendersOnManyThreadsConcurrently) {
    const auto parsed = Template::parse("{% for x in l %}{{ x }}{{ loop.index }}{% endfor %}");
    ASSERT_TRUE(parsed.ok());
    const Value variables = Value::dict({{"l", Value::list({1, 2, 3})}});
    std::vector<std::string> texts(8);
    std::vector<std::thread> threads;
    for (auto& text : texts) threads.emplace_back([&] { text = parsed->render(variables).value(); });
    for (auto& thread : threads) thread.join();
    for (const auto& text : texts) EXPECT_EQ(text, "112233");
}

}  // namespace
}  // namespace dwubit::tmpl
