#include "tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/number_characters.h"
#include "tokenizer/split_pattern.h"

namespace dwubit {
namespace {

// What ByteLevel cuts at where use_regex is on: GPT-2's pattern.
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// What becomes of the matches, in Hugging Face's words.
enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

constexpr std::array<std::pair<std::string_view, Behavior>, 5> kBehaviors = {{
    {"Removed", Behavior::kRemoved},
    {"Isolated", Behavior::kIsolated},
    {"MergedWithPrevious", Behavior::kMergedWithPrevious},
    {"MergedWithNext", Behavior::kMergedWithNext},
    {"Contiguous", Behavior::kContiguous},
}};

// Joins the stretches of a text, matches and what lies between them, by a behavior and calls `word` with the result.
class Joiner {
public:
    Joiner(std::string_view text, Behavior behavior, const WordVisitor& word)
        : text_(text), behavior_(behavior), word_(word) {}

    // Stretches without gap from 0 on, none empty.
    void add(std::size_t end, bool is_match) {
        const bool was_match = std::exchange(last_is_match_, is_match);
        if (joins(is_match, was_match)) {
            end_ = end;
            return;
        }
        emit();
        begin_ = end_;
        end_ = end;
        if (behavior_ == Behavior::kRemoved && is_match) begin_ = end;
    }

    void finish() { emit(); }

private:
    bool joins(bool is_match, bool was_match) const {
        if (end_ == 0) return false;
        switch (behavior_) {
            case Behavior::kMergedWithPrevious:
                return is_match && !was_match;
            case Behavior::kMergedWithNext:
                return was_match && !is_match;
            case Behavior::kContiguous:
                return is_match == was_match;
            case Behavior::kRemoved:
            case Behavior::kIsolated:
                return false;
        }
        return false;
    }

    void emit() {
        if (begin_ < end_) word_(text_.substr(begin_, end_ - begin_));
    }

    std::string_view text_;
    Behavior behavior_;
    const WordVisitor& word_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool last_is_match_ = false;
};

// A string or a regular expression.
using Pattern = std::variant<std::string, SplitPattern>;

Result<void> find_all(const Pattern& pattern, std::string_view text, SplitBudget& budget,
                      const SplitPattern::MatchVisitor& match) {
    if (const auto* expression = std::get_if<SplitPattern>(&pattern)) return expression->find_all(text, budget, match);
    const auto& string = std::get<std::string>(pattern);
    for (std::size_t at = text.find(string); at != std::string_view::npos; at = text.find(string, at + string.size())) {
        match(at, at + string.size());
    }
    return {};
}

class Split : public PreTokenizerStep {
public:
    Split(Pattern pattern, Behavior behavior, bool invert)
        : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

    Result<void> split(std::string_view text, SplitBudget& budget, const WordVisitor& word) const override {
        Joiner joiner(text, behavior_, word);
        std::size_t done = 0;
        DWUBIT_TRY(find_all(pattern_, text, budget, [&](std::size_t begin, std::size_t end) {
            if (done < begin) joiner.add(begin, invert_);
            joiner.add(end, !invert_);
            done = end;
        }));
        if (done < text.size()) joiner.add(text.size(), invert_);
        joiner.finish();
        return {};
    }
    std::size_t growth() const override { return 1; }

private:
    Pattern pattern_;
    Behavior behavior_;
    bool invert_;
};

class Digits : public PreTokenizerStep {
public:
    explicit Digits(bool individual) : behavior_(individual ? Behavior::kIsolated : Behavior::kContiguous) {}

    Result<void> split(std::string_view text, SplitBudget&, const WordVisitor& word) const override {
        Joiner joiner(text, behavior_, word);
        std::size_t done = 0;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = at + utf8_length(static_cast<unsigned char>(text[at]));
            if (is_number_character(decode_utf8(text, at))) {
                if (done < at) joiner.add(at, false);
                joiner.add(end, true);
                done = end;
            }
            at = end;
        }
        if (done < text.size()) joiner.add(text.size(), false);
        joiner.finish();
        return {};
    }
    std::size_t growth() const override { return 1; }

private:
    Behavior behavior_;
};

class ByteLevel : public PreTokenizerStep {
public:
    ByteLevel(bool add_prefix_space, std::optional<SplitPattern> pattern)
        : add_prefix_space_(add_prefix_space), pattern_(std::move(pattern)) {}

    Result<void> split(std::string_view text, SplitBudget& budget, const WordVisitor& word) const override {
        std::string prefixed;
        if (add_prefix_space_ && !text.empty() && text[0] != ' ') {
            prefixed.append(" ").append(text);
            text = prefixed;
        }
        std::string characters;
        const auto emit = [&](std::size_t begin, std::size_t end) {
            if (begin == end) return;
            characters.clear();
            append_byte_characters(text.substr(begin, end - begin), characters);
            word(characters);
        };
        std::size_t done = 0;
        if (pattern_) {
            DWUBIT_TRY(pattern_->find_all(text, budget, [&](std::size_t begin, std::size_t end) {
                emit(done, begin);
                emit(begin, end);
                done = end;
            }));
        }
        emit(done, text.size());
        return {};
    }
    // Two bytes for one, and the space.
    std::size_t growth() const override { return add_prefix_space_ ? 4 : 2; }

private:
    bool add_prefix_space_;
    std::optional<SplitPattern> pattern_;
};

Result<Pattern> parse_pattern(const Json& json, const std::string& where) {
    const Fields fields(json, where);
    DWUBIT_ASSIGN(const Json* pattern, fields.object("pattern"));
    const std::string place = where + ".pattern";
    const Fields pattern_fields(*pattern, place);
    if (pattern->contains("Regex")) {
        DWUBIT_ASSIGN(const std::string expression, pattern_fields.string("Regex"));
        DWUBIT_ASSIGN(SplitPattern compiled, SplitPattern::compile(expression, place));
        return Pattern(std::move(compiled));
    }
    DWUBIT_ASSIGN(std::string string, pattern_fields.string("String"));
    if (string.empty()) return fields.invalid("pattern", "a string that is not empty");
    return Pattern(std::move(string));
}

Result<Steps<PreTokenizerStep>> parse_split(const Json& json, const std::string& where) {
    const Fields fields(json, where);
    DWUBIT_ASSIGN(Pattern pattern, parse_pattern(json, where));
    DWUBIT_ASSIGN(const std::string name, fields.string("behavior"));
    const auto* const behavior =
        std::find_if(kBehaviors.begin(), kBehaviors.end(), [&](const auto& row) { return row.first == name; });
    if (behavior == kBehaviors.end()) {
        return fields.invalid("behavior", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
    }
    DWUBIT_ASSIGN(const bool invert, fields.boolean("invert"));
    return one_step<Split, PreTokenizerStep>(std::move(pattern), behavior->second, invert);
}

Result<Steps<PreTokenizerStep>> parse_digits(const Json& json, const std::string& where) {
    DWUBIT_ASSIGN(const bool individual, Fields(json, where).boolean("individual_digits"));
    return one_step<Digits, PreTokenizerStep>(individual);
}

// trim_offsets concerns offsets, which dwubit does not keep.
Result<Steps<PreTokenizerStep>> parse_byte_level(const Json& json, const std::string& where) {
    const Fields fields(json, where);
    DWUBIT_ASSIGN(const bool add_prefix_space, fields.boolean("add_prefix_space"));
    DWUBIT_ASSIGN(const bool use_regex, fields.boolean("use_regex", true));
    std::optional<SplitPattern> pattern;
    if (use_regex) {
        DWUBIT_ASSIGN(SplitPattern compiled, SplitPattern::compile(kByteLevelPattern, where));
        pattern = std::move(compiled);
    }
    return one_step<ByteLevel, PreTokenizerStep>(add_prefix_space, std::move(pattern));
}

Result<Steps<PreTokenizerStep>> parse_pre_tokenizer(const Json& json, const std::string& where);

Result<Steps<PreTokenizerStep>> parse_pre_tokenizer_sequence(const Json& json, const std::string& where) {
    return parse_sequence<PreTokenizerStep>(json, where, "pretokenizers", parse_pre_tokenizer);
}

constexpr StepRow<PreTokenizerStep> kPreTokenizers[] = {
    {"Split", parse_split},
    {"Digits", parse_digits},
    {"ByteLevel", parse_byte_level},
    {"Sequence", parse_pre_tokenizer_sequence},
};

Result<Steps<PreTokenizerStep>> parse_pre_tokenizer(const Json& json, const std::string& where) {
    return parse_step<PreTokenizerStep>(json, where, kPreTokenizers);
}

Result<void> split_from(const Steps<PreTokenizerStep>& steps, std::size_t first, std::string_view text,
                        SplitBudget& budget, const WordVisitor& word) {
    if (first + 1 == steps.size()) return steps[first]->split(text, budget, word);
    Result<void> inner;
    DWUBIT_TRY(steps[first]->split(text, budget, [&](std::string_view part) {
        if (inner.ok()) inner = split_from(steps, first + 1, part, budget, word);
    }));
    return inner;
}

}  // namespace

Result<PreTokenizer> PreTokenizer::parse(const Json& json, const std::string& where) {
    PreTokenizer pre_tokenizer;
    DWUBIT_ASSIGN(pre_tokenizer.steps_, parse_chain<PreTokenizerStep>(json, where, parse_pre_tokenizer));
    return pre_tokenizer;
}

Result<void> PreTokenizer::split(std::string_view text, SplitBudget& budget, const WordVisitor& word) const {
    if (!steps_.empty()) return split_from(steps_, 0, text, budget, word);
    word(text);
    return {};
}

}  // namespace dwubit
