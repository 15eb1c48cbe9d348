// Against tests/golden/template: what Jinja2 and Python answer (tests/oracle/template_golden.py).
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "support/template_value.h"
#include "template/budget.h"
#include "template/python_text.h"
#include "template/template.h"

namespace dwubit::tmpl {
namespace {

using nlohmann::ordered_json;

const std::string kGolden = "tests/golden/template/";

ordered_json golden(const std::string& name) {
    const auto text = read_file(kGolden + name);
    EXPECT_TRUE(text.ok()) << kGolden << name;
    return text.ok() ? ordered_json::parse(*text) : ordered_json();
}

TEST(TemplateGolden, Jinja2) {
    const auto file = golden("cases.json");
    std::size_t texts = 0;
    for (const auto& group : file["groups"]) {
        const bool chat = group["mode"] == "chat";
        const Value variables = template_value(group["variables"]);
        for (const auto& entry : group["cases"]) {
            const auto text = entry["template"].get<std::string>();
            const auto parsed = Template::parse(text, chat ? TemplateOptions::chat() : TemplateOptions::task());
            const auto rendered = parsed.ok() ? parsed->render(variables) : Result<std::string>(parsed.error());
            if (entry.contains("fails")) {
                EXPECT_FALSE(rendered.ok()) << group["mode"] << " " << text << "\nours: " << rendered.value();
                continue;
            }
            const auto expected = entry["text"].get<std::string>();
            EXPECT_EQ(rendered.ok() ? *rendered : "error: " + rendered.error().message, expected)
                << group["mode"] << " " << text;
            ++texts;
        }
    }
    EXPECT_GE(texts, 700U);
}

// Every character but NUL and surrogates, as the script walks them.
std::string hash_letters(const std::function<std::string(const std::string&)>& change) {
    Sha256 hash;
    for (char32_t c = 1; c < 0x110000; ++c) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        std::string letter;
        append_utf8(letter, c);
        hash.update(change(letter) + "|");
    }
    return hash.hex_digest();
}

TEST(TemplateGolden, CaseOfEveryCharacter) {
    const auto expected = golden("letters.json");
    EXPECT_EQ(hash_letters([](const auto& c) { return to_upper(c); }), expected["upper"].get<std::string>());
    EXPECT_EQ(hash_letters([](const auto& c) { return to_lower("a" + c + "Σ"); }),
              expected["lower"].get<std::string>());
    EXPECT_EQ(hash_letters([](const auto& c) { return to_lower("1" + c + "Σ" + c + "a"); }),
              expected["sigma"].get<std::string>());
    EXPECT_EQ(hash_letters([](const auto& c) { return to_title(c + "a"); }), expected["title"].get<std::string>());
    EXPECT_EQ(hash_letters([](const auto& c) { return capitalized(c); }), expected["capitalize"].get<std::string>());
}

TEST(TemplateGolden, ReprAndWhiteSpaceOfEveryCharacter) {
    const auto expected = golden("letters.json");
    TemplateLimits limits;
    limits.steps = limits.work_bytes = UINT64_MAX;
    Budget budget(limits);
    EXPECT_EQ(hash_letters([&](const auto& c) {
                  PaidText out(budget);
                  EXPECT_TRUE(append_repr(Value(c), out, budget).ok());
                  return out.take();
              }),
              expected["repr"].get<std::string>());
    EXPECT_EQ(hash_letters([](const auto& c) {
                  const std::string text = c + "x" + c;
                  return std::string(strip_right(strip_left(text)));
              }),
              expected["strip"].get<std::string>());
}

}  // namespace
}  // namespace dwubit::tmpl
