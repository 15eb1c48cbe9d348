// Filters that give text.
#include <algorithm>
#include <iterator>

#include "template/filters.h"
#include "template/methods.h"
#include "template/python_text.h"
#include "template/text_methods.h"

namespace dwubit::tmpl {
namespace {

template <std::string (*change)(std::string_view)>
Result<Value> changed(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("the filter", arguments, {}));
    DWUBIT_ASSIGN(const std::string text, text_of(value, engine));
    return make_text(change(text), engine);
}

// Jinja2's own: a word begins behind blanks, '-' and opening brackets.
std::string title_words(std::string_view text) {
    const auto begins_word = [](char32_t c) {
        return c == U'-' || c == U'(' || c == U'{' || c == U'[' || c == U'<' || is_space(c);
    };
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const bool between = begins_word(character_at(text, i));
        std::size_t end = i;
        while (end < text.size() && begins_word(character_at(text, end)) == between) end += character_length(text, end);
        const std::string_view run = text.substr(i, end - i);
        const std::size_t first = character_length(run, 0);
        out += to_upper(run.substr(0, first)) + to_lower(run.substr(first));
        i = end;
    }
    return out;
}

Result<Value> string_filter(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("string", arguments, {}));
    if (value.as_string() != nullptr) return value;
    DWUBIT_ASSIGN(std::string text, text_of(value, engine));
    return make_text(std::move(text), engine);
}

Result<Value> trim(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("trim", arguments, {"chars"}));
    DWUBIT_ASSIGN(const std::string text, text_of(value, engine));
    const bool given = bound[0] && !bound[0]->is_none();
    DWUBIT_ASSIGN(const std::string characters, text_or(bound[0], "", "trim"));
    DWUBIT_TRY(engine.budget.scan(text.size() * (1 + std::min<std::size_t>(characters.size(), 4096))));
    return make_text(std::string(strip_characters(text, given ? &characters : nullptr, true, true)), engine);
}

Result<Value> replace(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("replace", arguments, {"old", "new", "count"}, 2));
    DWUBIT_ASSIGN(const std::string text, text_of(value, engine));
    DWUBIT_ASSIGN(const std::string from, text_of(*bound[0], engine));
    DWUBIT_ASSIGN(const std::string to, text_of(*bound[1], engine));
    DWUBIT_ASSIGN(const std::int64_t count, integer_or(bound[2], -1, "replace"));
    return replace_text(text, from, to, count, engine);
}

Result<Value> indent(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("indent", arguments, {"width", "first", "blank"}));
    if (value.as_undefined() != nullptr) return undefined_error(value);
    if (value.as_string() == nullptr) return invalid("indent needs text");
    std::string blanks = "    ";
    if (bound[0] && bound[0]->as_string() != nullptr) {
        blanks = *bound[0]->as_string();
    } else if (bound[0]) {
        DWUBIT_ASSIGN(const std::int64_t width, integer_or(bound[0], 4, "indent"));
        DWUBIT_TRY(engine.budget.bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(width, 0))));
        blanks = std::string(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), ' ');
    }
    DWUBIT_ASSIGN(const bool first, truth(bound[1].value_or(Value(false)), engine));
    DWUBIT_ASSIGN(const bool blank, truth(bound[2].value_or(Value(false)), engine));
    PaidText out(engine.budget);
    const std::string text = *value.as_string() + "\n";
    DWUBIT_TRY(engine.budget.bytes(text.size() * sizeof(std::string_view)));
    bool at_start = true;
    if (first) DWUBIT_TRY(out.add(blanks));
    for (const std::string_view line : split_lines(text)) {
        if (!at_start) {
            DWUBIT_TRY(out.add("\n"));
            if (blank || !line.empty()) DWUBIT_TRY(out.add(blanks));
        }
        DWUBIT_TRY(out.add(line));
        at_start = false;
    }
    return make_text(out.take(), engine);
}

// As transformers defines it for chat templates: json.dumps() with its own defaults.
Result<Value> tojson(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
    JsonStyle style;
    DWUBIT_ASSIGN(style.ascii, truth(bound[0].value_or(Value(false)), engine));
    DWUBIT_ASSIGN(style.sort_keys, truth(bound[3].value_or(Value(false)), engine));
    if (bound[1] && !bound[1]->is_none()) {
        style.multiline = true;
        style.item_separator = ",";
        if (const auto* text = bound[1]->as_string()) {
            style.indent = *text;
        } else {
            DWUBIT_ASSIGN(const std::int64_t width, integer_or(bound[1], 0, "tojson"));
            style.indent = std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(width, 0, 1000)), ' ');
        }
    }
    if (bound[2] && !bound[2]->is_none()) {
        DWUBIT_ASSIGN(const auto separators, iterate(*bound[2], engine));
        if (separators.size() != 2) return invalid("tojson needs two separators");
        DWUBIT_ASSIGN(style.item_separator, text_argument(separators[0], "tojson"));
        DWUBIT_ASSIGN(style.key_separator, text_argument(separators[1], "tojson"));
    }
    DWUBIT_ASSIGN(std::string text, to_json(value, style, engine.budget));
    return make_text(std::move(text), engine);
}

constexpr FilterEntry kFilters[] = {
    {"upper", changed<to_upper>},
    {"lower", changed<to_lower>},
    {"capitalize", changed<capitalized>},
    {"title", changed<title_words>},
    {"string", string_filter},
    {"trim", trim},
    {"replace", replace},
    {"indent", indent},
    {"tojson", tojson},
};

}  // namespace

const FilterEntry* find_text_filter(std::string_view name) {
    const auto* found =
        std::find_if(std::begin(kFilters), std::end(kFilters), [&](const auto& f) { return f.name == name; });
    return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace dwubit::tmpl
