#include <array>
#include <string>
#include <string_view>

#include "base/error.h"
#include "eval/metrics/filter_kinds.h"
#include "eval/metrics/regex.h"
#include "eval/metrics/text.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

template <class Change>
Made each_text(Arguments& arguments, Change change) {
    DWUBIT_TRY(arguments.finish());
    return std::unique_ptr<AnswerFilter>(new EachAnswer([change](const OrderedJson& answer) -> Result<OrderedJson> {
        if (!answer.is_string()) return not_text(answer);
        return OrderedJson(std::string(change(answer.get_ref<const std::string&>())));
    }));
}

struct Label {
    std::string_view written;
    std::string_view tag;
};

// Replaced in this order.
constexpr std::array<Label, 15> kLabels = {{{"person", "PER"},
                                            {"location", "LOC"},
                                            {"organization", "ORG"},
                                            {"counties", "LOC"},
                                            {"places", "LOC"},
                                            {"people", "PER"},
                                            {"persons", "PER"},
                                            {"company", "ORG"},
                                            {"country", "LOC"},
                                            {"continent", "LOC"},
                                            {"time", "DATE"},
                                            {"date", "DATE"},
                                            {"per", "PER"},
                                            {"loc", "LOC"},
                                            {"org", "ORG"}}};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

// "person: Ala, Jan $$ place: none" -> "per: ala $ per: jan"
class SpanFormat {
public:
    static Result<SpanFormat> create() {
        std::vector<Regex> labels;
        for (const Label& label : kLabels) {
            DWUBIT_ASSIGN(Regex regex, Regex::compile(fmt::format(R"(\b{}\s*:)", label.written)));
            labels.push_back(std::move(regex));
        }
        DWUBIT_ASSIGN(Regex entities, Regex::compile(R"(\b(PER|LOC|ORG|DATE):\s*([^$]+))"));
        return SpanFormat(std::move(labels), std::move(entities));
    }

    Result<std::string> operator()(std::string_view answer) const {
        std::string text = tmpl::to_lower(answer);
        for (std::size_t i = 0; i < kLabels.size(); ++i) {
            DWUBIT_ASSIGN(text, labels_[i].replace_all(text, fmt::format("{}:", kLabels[i].tag)));
        }
        text = replaced(text, "$$", "$");
        while (text.ends_with('$')) text.pop_back();
        text = replaced(text, "\n", "$");
        DWUBIT_ASSIGN(const auto matches, entities_.find_all(strip_space(text)));
        std::string out;
        for (const auto& match : matches) {
            for (std::size_t begin = 0; begin <= match[1].size();) {
                const std::size_t end = std::min(match[1].find(',', begin), match[1].size());
                const std::string_view entity = strip_space(std::string_view(match[1]).substr(begin, end - begin));
                begin = end + 1;
                if (tmpl::to_lower(entity) == "none") continue;
                out += fmt::format("{}{}: {}", out.empty() ? "" : " $ ", tmpl::to_lower(match[0]), entity);
            }
        }
        return out;
    }

private:
    SpanFormat(std::vector<Regex> labels, Regex entities)
        : labels_(std::move(labels)), entities_(std::move(entities)) {}
    std::vector<Regex> labels_;
    Regex entities_;
};

}  // namespace

Made make_remove_whitespace(Arguments& arguments) {
    return each_text(arguments, [](std::string_view text) { return strip_space(text); });
}
Made make_lowercase(Arguments& arguments) {
    return each_text(arguments, [](std::string_view text) { return tmpl::to_lower(text); });
}
Made make_uppercase(Arguments& arguments) {
    return each_text(arguments, [](std::string_view text) { return tmpl::to_upper(text); });
}

Made make_map(Arguments& arguments) {
    const OrderedJson* const mapping = arguments.find("mapping_dict");
    if (mapping != nullptr && !mapping->is_object()) {
        return errorf(ErrorKind::kInvalidInput, "'mapping_dict' must be a mapping");
    }
    const OrderedJson* const given = arguments.find("default_value");
    const OrderedJson table = mapping != nullptr ? *mapping : OrderedJson::object();
    const OrderedJson fallback = given != nullptr ? *given : OrderedJson();
    DWUBIT_TRY(arguments.finish());
    return std::unique_ptr<AnswerFilter>(
        new EachAnswer([table, fallback](const OrderedJson& answer) -> Result<OrderedJson> {
            if (!answer.is_string()) return fallback;
            const auto found = table.find(answer.get_ref<const std::string&>());
            return found == table.end() ? fallback : *found;
        }));
}

Made make_format_span(Arguments& arguments) {
    DWUBIT_TRY(arguments.finish());
    DWUBIT_ASSIGN(SpanFormat made, SpanFormat::create());
    const auto format = std::make_shared<const SpanFormat>(std::move(made));
    return std::unique_ptr<AnswerFilter>(new EachAnswer([format](const OrderedJson& answer) -> Result<OrderedJson> {
        if (!answer.is_string()) return not_text(answer);
        DWUBIT_ASSIGN(std::string text, (*format)(answer.get_ref<const std::string&>()));
        return OrderedJson(std::move(text));
    }));
}

}  // namespace dwubit
