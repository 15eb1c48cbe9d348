#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "eval/metrics/filter_kinds.h"
#include "eval/metrics/regex.h"
#include "eval/metrics/text.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

constexpr std::string_view kDefaultPattern = R"(#### (\-?[0-9\.\,]+))";
constexpr std::string_view kNoMatch = "[invalid]";
constexpr std::size_t kMostChoices = 26;  // A to Z

// The match that group_select names (from the end if negative), of several groups the first that holds something;
// nullopt: no match, or groups that hold nothing (`blank`).
struct Chosen {
    std::optional<std::string> text;
    bool blank = false;
};

Result<Chosen> choose_match(const Regex& regex, std::string_view text, std::int64_t select) {
    DWUBIT_ASSIGN(const auto matches, regex.find_all(text));
    if (matches.empty()) return Chosen{};
    const auto count = static_cast<std::int64_t>(matches.size());
    const std::int64_t index = select < 0 ? count + select : select;
    if (index < 0 || index >= count) {
        return errorf(ErrorKind::kInvalidInput, "'group_select' is {}, but an answer has {} matches", select, count);
    }
    const auto& groups = matches[static_cast<std::size_t>(index)];
    if (groups.size() == 1) return Chosen{std::string(strip_space(groups[0])), false};
    for (const std::string& group : groups) {
        if (!group.empty()) return Chosen{std::string(strip_space(group)), false};
    }
    return Chosen{std::nullopt, true};
}

struct RegexOptions {
    std::string pattern;
    std::int64_t select = 0;
    std::string fallback;
};

Result<RegexOptions> regex_options(Arguments& arguments) {
    RegexOptions options;
    DWUBIT_ASSIGN(options.pattern, arguments.text("regex_pattern", std::string(kDefaultPattern)));
    DWUBIT_ASSIGN(options.select, arguments.integer("group_select", 0));
    DWUBIT_ASSIGN(options.fallback, arguments.text("fallback", std::string(kNoMatch)));
    return options;
}

// The answer by its letter: the pattern's, else the text of a choice, else a letter after a colon.
class ChoiceFilter : public AnswerFilter {
public:
    ChoiceFilter(RegexOptions options, Regex regex, std::vector<Regex> ignored, bool ignore_case,
                 bool ignore_punctuation)
        : options_(std::move(options)),
          regex_(std::move(regex)),
          ignored_(std::move(ignored)),
          ignore_case_(ignore_case),
          ignore_punctuation_(ignore_punctuation) {}

    Result<OrderedJson> apply(OrderedJson entry, const OrderedJson& doc) const override {
        const auto choices = doc.find("choices");
        if (choices == doc.end() || !choices->is_array()) {
            return errorf(ErrorKind::kInvalidInput, "the document has no list 'choices'");
        }
        if (choices->size() > kMostChoices) {
            return errorf(ErrorKind::kUnsupported, "{} choices; at most {} have letters", choices->size(),
                          kMostChoices);
        }
        DWUBIT_ASSIGN(const Patterns patterns, patterns_of(*choices));
        DWUBIT_ASSIGN(const std::vector<OrderedJson> answers, answers_of(entry));
        OrderedJson out = OrderedJson::array();
        for (const OrderedJson& answer : answers) {
            if (!answer.is_string()) return not_text(answer);
            DWUBIT_ASSIGN(std::string letter, letter_of(answer.get_ref<const std::string&>(), patterns));
            out.push_back(std::move(letter));
        }
        return out;
    }

private:
    struct Patterns {
        Regex by_text, by_letter;
        std::vector<std::pair<std::string, std::string>>
            letters;  // a choice's text, "(A)"; the last of equal texts counts
    };

    Result<std::string> plain(std::string_view text) const {
        std::string out(text);
        for (const Regex& regex : ignored_) {
            DWUBIT_ASSIGN(out, regex.replace_all(out, ""));
        }
        if (ignore_case_) out = tmpl::to_lower(out);
        if (!ignore_punctuation_) return out;
        std::string kept;
        for (std::size_t at = 0; at < out.size(); at += tmpl::character_length(out, at)) {
            if (!is_punctuation(tmpl::character_at(out, at))) kept += out.substr(at, tmpl::character_length(out, at));
        }
        return kept;
    }

    Result<Patterns> patterns_of(const OrderedJson& choices) const {
        std::vector<std::string> texts;
        std::vector<std::pair<std::string, std::string>> letters;
        std::string alternatives;
        char letter = 'A';
        for (const OrderedJson& choice : choices) {
            if (!choice.is_string())
                return errorf(ErrorKind::kInvalidInput, "'choices' of the document are not all texts");
            DWUBIT_ASSIGN(std::string text, plain(strip_space(choice.get_ref<const std::string&>())));
            texts.push_back(regex_escape(text));
            letters.emplace_back(std::move(text), fmt::format("({})", letter));
            alternatives += alternatives.empty() ? "" : "|";
            alternatives += letter++;
        }
        // Longest first, so that a choice which begins like another does not stand in its way.
        std::stable_sort(texts.begin(), texts.end(), [](const std::string& a, const std::string& b) {
            return tmpl::count_characters(a) > tmpl::count_characters(b);
        });
        std::string joined;
        for (std::size_t i = 0; i < texts.size(); ++i) joined += (i == 0 ? "" : "|") + texts[i];
        DWUBIT_ASSIGN(Regex by_text, Regex::compile(joined));
        DWUBIT_ASSIGN(Regex by_letter, Regex::compile(fmt::format(R"(:[\s]*({}))", alternatives)));
        return Patterns{std::move(by_text), std::move(by_letter), std::move(letters)};
    }

    Result<std::string> letter_of(const std::string& answer, const Patterns& patterns) const {
        DWUBIT_ASSIGN(const Chosen first, choose_match(regex_, answer, options_.select));
        if (first.text && !first.text->empty()) return *first.text;
        DWUBIT_ASSIGN(const std::string simple, plain(answer));
        DWUBIT_ASSIGN(const Chosen second, choose_match(patterns.by_text, simple, options_.select));
        if (second.text && !second.text->empty()) {
            const auto found = std::find_if(patterns.letters.rbegin(), patterns.letters.rend(),
                                            [&](const auto& entry) { return entry.first == *second.text; });
            return found == patterns.letters.rend() ? *second.text : found->second;
        }
        DWUBIT_ASSIGN(const Chosen third, choose_match(patterns.by_letter, answer, options_.select));
        if (third.text && !third.text->empty()) return fmt::format("({})", *third.text);
        return options_.fallback;
    }

    RegexOptions options_;
    Regex regex_;
    std::vector<Regex> ignored_;
    bool ignore_case_;
    bool ignore_punctuation_;
};

}  // namespace

Made make_regex(Arguments& arguments) {
    DWUBIT_ASSIGN(const RegexOptions options, regex_options(arguments));
    DWUBIT_TRY(arguments.finish());
    DWUBIT_ASSIGN(Regex compiled, Regex::compile(options.pattern));
    const auto regex = std::make_shared<const Regex>(std::move(compiled));
    return std::unique_ptr<AnswerFilter>(
        new EachAnswer([regex, options](const OrderedJson& answer) -> Result<OrderedJson> {
            const std::string text = answer.is_string() ? answer.get<std::string>() : "";
            DWUBIT_ASSIGN(const Chosen match, choose_match(*regex, text, options.select));
            if (match.text) return OrderedJson(*match.text);
            return OrderedJson(match.blank ? std::string(strip_space(options.fallback)) : options.fallback);
        }));
}

// "('word', 'TAG')": the tags.
Made make_regex_pos(Arguments& arguments) {
    arguments.find("regex_pattern");  // taken and never used, in the reference too
    arguments.find("group_select");
    const OrderedJson* const given = arguments.find("fallback");
    const OrderedJson fallback = given != nullptr ? *given : OrderedJson::array({"invalid"});
    DWUBIT_TRY(arguments.finish());
    DWUBIT_ASSIGN(Regex compiled, Regex::compile(R"(\('([^']*)', '([^']*)'\))"));
    const auto regex = std::make_shared<const Regex>(std::move(compiled));
    return std::unique_ptr<AnswerFilter>(
        new EachAnswer([regex, fallback](const OrderedJson& answer) -> Result<OrderedJson> {
            if (!answer.is_string()) return not_text(answer);
            DWUBIT_ASSIGN(const auto matches, regex->find_all(answer.get_ref<const std::string&>()));
            OrderedJson tags = OrderedJson::array();
            for (const auto& match : matches) tags.push_back(match.at(1));
            return tags.empty() ? fallback : tags;
        }));
}

Made make_multi_choice_regex(Arguments& arguments) {
    DWUBIT_ASSIGN(RegexOptions options, regex_options(arguments));
    DWUBIT_ASSIGN(const bool ignore_case, arguments.boolean("ignore_case", false));
    DWUBIT_ASSIGN(const bool ignore_punctuation, arguments.boolean("ignore_punctuation", false));
    DWUBIT_ASSIGN(const std::vector<std::string> patterns, arguments.texts("regexes_to_ignore"));
    DWUBIT_TRY(arguments.finish());
    DWUBIT_ASSIGN(Regex regex, Regex::compile(options.pattern));
    std::vector<Regex> ignored;
    for (const std::string& pattern : patterns) {
        DWUBIT_ASSIGN(Regex compiled, Regex::compile(pattern));
        ignored.push_back(std::move(compiled));
    }
    return std::unique_ptr<AnswerFilter>(
        new ChoiceFilter(std::move(options), std::move(regex), std::move(ignored), ignore_case, ignore_punctuation));
}

}  // namespace dwubit
