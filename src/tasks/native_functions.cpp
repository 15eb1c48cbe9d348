#include "tasks/native_functions.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "tasks/python_value.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

Result<std::string> text_field(const OrderedJson& document, const char* name) {
    const auto found = document.find(name);
    if (found == document.end()) return errorf(ErrorKind::kInvalidInput, "there is no field '{}'", name);
    if (!found->is_string()) {
        return errorf(ErrorKind::kInvalidInput, "field '{}' must be text, not {}", name, python_type(*found));
    }
    return found->get<std::string>();
}

std::string strip(std::string_view text) {
    return std::string(tmpl::strip_left(tmpl::strip_right(text)));
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    std::string result;
    std::size_t at = 0;
    for (std::size_t found = text.find(from); found != std::string::npos; found = text.find(from, at)) {
        result.append(text, at, found - at);
        result += to;
        at = found + from.size();
    }
    result.append(text, at);
    text = std::move(result);
}

// --- hellaswag

// Without what stands in brackets on one line.
std::string without_brackets(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto open = text.find('[');
        result += text.substr(0, open);
        if (open == std::string_view::npos) break;
        text.remove_prefix(open);
        const auto close = text.find_first_of("]\n");
        if (close != std::string_view::npos && text[close] == ']') {
            text.remove_prefix(close + 1);
        } else {
            result += text[0];
            text.remove_prefix(1);
        }
    }
    return result;
}

std::string hellaswag_clean(const std::string& written) {
    std::string text = strip(written);
    replace_all(text, " [title]", ". ");
    text = without_brackets(text);
    replace_all(text, "  ", " ");
    return text;
}

Result<std::int64_t> label_of(const OrderedJson& document) {
    const auto found = document.find("label");
    if (found != document.end() && found->is_number_integer()) return found->get<std::int64_t>();
    DWUBIT_ASSIGN(const std::string written, text_field(document, "label"));
    const std::string text = strip(written);
    std::int64_t label = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), label);
    if (status != std::errc() || end != text.data() + text.size()) {
        return errorf(ErrorKind::kInvalidInput, "field 'label' must be a number, not '{}'", printable(text));
    }
    return label;
}

Result<OrderedJson> hellaswag_document(const OrderedJson& document) {
    DWUBIT_ASSIGN(const std::string activity, text_field(document, "activity_label"));
    DWUBIT_ASSIGN(const std::string first, text_field(document, "ctx_a"));
    DWUBIT_ASSIGN(const std::string second, text_field(document, "ctx_b"));
    const auto endings = document.find("endings");
    if (endings == document.end() || !endings->is_array()) {
        return make_error(ErrorKind::kInvalidInput, "field 'endings' must be a list of texts");
    }
    OrderedJson choices = OrderedJson::array();
    for (const OrderedJson& ending : *endings) {
        if (!ending.is_string()) {
            return make_error(ErrorKind::kInvalidInput, "field 'endings' must be a list of texts");
        }
        choices.push_back(hellaswag_clean(ending.get<std::string>()));
    }
    DWUBIT_ASSIGN(const std::int64_t gold, label_of(document));
    return OrderedJson{{"query", hellaswag_clean(activity + ": " + first + " " + tmpl::capitalized(second))},
                       {"choices", std::move(choices)},
                       {"gold", gold}};
}

// --- wikitext

// Blanks behind `open` and in front of the next `close` are dropped.
void tighten(std::string& text, char open, char close) {
    std::string result;
    std::string_view rest = text;
    while (true) {
        const auto start = rest.find(open);
        const auto end = start == std::string_view::npos ? start : rest.find(close, start + 1);
        if (end == std::string_view::npos) break;
        result += rest.substr(0, start + 1);
        result += strip(rest.substr(start + 1, end - start - 1));
        result += close;
        rest.remove_prefix(end + 1);
    }
    result += rest;
    text = std::move(result);
}

// The harness' expression for "/' 5/" puts "[0-9]" literally where the digit was.
std::string join_contractions(std::string_view text) {
    std::string result;
    while (true) {
        const auto at = text.find("/' ");
        if (at == std::string_view::npos || at + 4 >= text.size()) break;
        const bool digit = text[at + 3] >= '0' && text[at + 3] <= '9' && text[at + 4] == '/';
        result += text.substr(0, at);
        result += digit ? "/'[0-9]/" : "/";
        text.remove_prefix(at + (digit ? 5 : 1));
    }
    return result += text;
}

Result<OrderedJson> wikitext_page(const OrderedJson& document) {
    DWUBIT_ASSIGN(std::string page, text_field(document, "page"));
    return OrderedJson(std::move(page));
}

Result<OrderedJson> wikitext_text(const OrderedJson& document) {
    DWUBIT_ASSIGN(std::string text, text_field(document, "page"));
    using Pair = std::pair<std::string_view, std::string_view>;
    static constexpr Pair kSeparators[] = {{" @-@ ", "-"}, {" @,@ ", ","}, {" @.@ ", "."}, {" : ", ": "}, {" ; ", "; "},
                                           {" . ", ". "},  {" ! ", "! "},  {" ? ", "? "},  {" , ", ", "}};
    static constexpr Pair kRest[] = {{"= = = =", "===="}, {"= = =", "==="}, {"= =", "=="},  {" ° ", "°"},
                                     {" \n", "\n"},       {"\n ", "\n"},    {" N ", " 1 "}, {" 's", "'s"}};
    replace_all(text, "s '", "s'");
    text = join_contractions(text);
    for (const auto& [from, to] : kSeparators) replace_all(text, from, to);
    for (const std::string_view pair : {"()", "[]", "{}", "\"\"", "''"}) tighten(text, pair[0], pair[1]);
    for (const auto& [from, to] : kRest) replace_all(text, from, to);
    return OrderedJson(std::move(text));
}

// --- winogrande: the sentence has one gap, "_"

struct Gap {
    std::string before, after;
};

Result<Gap> gap_of(const OrderedJson& document) {
    DWUBIT_ASSIGN(const std::string sentence, text_field(document, "sentence"));
    const auto at = sentence.find('_');
    if (at == std::string::npos) return make_error(ErrorKind::kInvalidInput, "field 'sentence' has no gap '_'");
    return Gap{sentence.substr(0, at), strip(std::string_view(sentence).substr(at + 1))};
}

Result<OrderedJson> winogrande_text(const OrderedJson& document) {
    DWUBIT_ASSIGN(const std::string answer, text_field(document, "answer"));
    if (answer != "1" && answer != "2") {
        return errorf(ErrorKind::kInvalidInput, "field 'answer' must be \"1\" or \"2\", not '{}'", printable(answer));
    }
    return OrderedJson(answer == "1" ? 0 : 1);
}

Result<OrderedJson> winogrande_target(const OrderedJson& document) {
    DWUBIT_ASSIGN(Gap gap, gap_of(document));
    return OrderedJson(std::move(gap.after));
}

Result<OrderedJson> winogrande_choice(const OrderedJson& document) {
    DWUBIT_ASSIGN(const Gap gap, gap_of(document));
    DWUBIT_ASSIGN(const std::string first, text_field(document, "option1"));
    DWUBIT_ASSIGN(const std::string second, text_field(document, "option2"));
    return OrderedJson::array({gap.before + first, gap.before + second});
}

// --- copa

Result<std::string> copa_option(const OrderedJson& document, const char* name) {
    DWUBIT_ASSIGN(const std::string choice, text_field(document, name));
    if (choice.empty()) return errorf(ErrorKind::kInvalidInput, "field '{}' is empty", name);
    const std::size_t first = tmpl::character_length(choice, 0);
    return " " + tmpl::to_lower(choice.substr(0, first)) + choice.substr(first);
}

Result<OrderedJson> copa_text(const OrderedJson& document) {
    DWUBIT_ASSIGN(const std::string question, text_field(document, "question"));
    DWUBIT_ASSIGN(const std::string written, text_field(document, "premise"));
    if (question != "cause" && question != "effect") {
        return errorf(ErrorKind::kInvalidInput, "field 'question' must be \"cause\" or \"effect\", not '{}'",
                      printable(question));
    }
    // The sentence without its period.
    std::string premise = strip(written);
    const std::size_t characters = tmpl::count_characters(premise);
    if (characters > 0) premise.resize(tmpl::byte_offset(premise, characters - 1));
    return OrderedJson(premise + (question == "cause" ? " because" : " therefore"));
}

Result<OrderedJson> copa_target(const OrderedJson& document) {
    DWUBIT_ASSIGN(const std::int64_t label, label_of(document));
    DWUBIT_ASSIGN(std::string choice, copa_option(document, label == 0 ? "choice1" : "choice2"));
    return OrderedJson(std::move(choice));
}

Result<OrderedJson> copa_choice(const OrderedJson& document) {
    DWUBIT_ASSIGN(const std::string first, copa_option(document, "choice1"));
    DWUBIT_ASSIGN(const std::string second, copa_option(document, "choice2"));
    return OrderedJson::array({first, second});
}

constexpr NativeFunction kFunctions[] = {
#define DWUBIT_NATIVE_FUNCTION(name, kind, function) {name, NativeFunction::Kind::kind, function},
#include "tasks/functions.inc"
#undef DWUBIT_NATIVE_FUNCTION
};

}  // namespace

std::span<const NativeFunction> native_functions() {
    return kFunctions;
}

const NativeFunction* find_native_function(std::string_view name) {
    const auto all = native_functions();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.name == name; });
    return found == all.end() ? nullptr : &*found;
}

Result<const NativeFunction*> resolve_native_function(std::string_view written, std::string_view folder,
                                                      NativeFunction::Kind kind) {
    const auto last_part = written.substr(written.rfind('.') + 1);
    const std::string in_folder = fmt::format("{}.{}", folder, last_part);
    for (const std::string_view name : {written, std::string_view(in_folder)}) {
        const NativeFunction* found = find_native_function(name);
        if (found != nullptr && found->kind == kind) return found;
    }
    std::vector<std::string_view> names;
    for (const NativeFunction& entry : native_functions()) {
        if (entry.kind == kind) names.push_back(entry.name);
    }
    return errorf(ErrorKind::kUnsupported, "!function {}: no such native function, and Python is not run",
                  printable(written))
        .with_hint(fmt::format("those of this kind: {}; {} would be '{}'", fmt::join(names, ", "), printable(written),
                               printable(in_folder)));
}

}  // namespace dwubit
