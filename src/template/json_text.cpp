// json.dumps() of a template's value.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "template/python_text.h"

namespace dwubit::tmpl {
namespace {

Result<void> append_string(std::string_view text, const JsonStyle& style, PaidText& out) {
    DWUBIT_TRY(out.add("\""));
    for (std::size_t i = 0; i < text.size(); i += character_length(text, i)) {
        const auto code = static_cast<std::uint32_t>(character_at(text, i));
        static constexpr std::string_view kSpecial = "\"\\\n\r\t\f\b";
        static constexpr std::string_view kLetters = "\"\\nrtfb";
        const std::size_t special = code < 0x80 ? kSpecial.find(static_cast<char>(code)) : std::string_view::npos;
        if (special != std::string_view::npos) {
            DWUBIT_TRY(out.add("\\"));
            DWUBIT_TRY(out.add(kLetters.substr(special, 1)));
        } else if (code < 0x20 || (style.ascii && code >= 0x7F && code < 0x10000)) {
            DWUBIT_TRY(out.add(fmt::format("\\u{:04x}", code)));
        } else if (style.ascii && code >= 0x10000) {
            DWUBIT_TRY(out.add(fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((code - 0x10000) >> 10U),
                                           0xDC00 + ((code - 0x10000) & 0x3FFU))));
        } else {
            DWUBIT_TRY(out.add(text.substr(i, character_length(text, i))));
        }
    }
    return out.add("\"");
}

std::string number_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_text(value);
}

class Writer {
public:
    Writer(const JsonStyle& style, PaidText& out, Budget& budget) : style_(style), out_(out), budget_(budget) {}

    Result<void> write(const Value& value) {
        DWUBIT_TRY(budget_.steps(1));
        if (const auto* text = value.as_string()) return append_string(*text, style_, out_);
        if (const auto* dict = value.as_dict()) return write_dict(*dict);
        const auto* sequence = value.as_sequence();
        if (sequence != nullptr && (sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple)) {
            return write_list(*sequence);
        }
        DWUBIT_ASSIGN(const std::string text, scalar(value));
        return out_.add(text);
    }

private:
    static Result<std::string> scalar(const Value& value) {
        if (value.is_none()) return std::string("null");
        if (const auto* flag = value.as_bool()) return std::string(*flag ? "true" : "false");
        if (const auto* integer = value.as_int()) return fmt::format("{}", *integer);
        if (const auto* real = value.as_float()) return number_text(*real);
        if (const auto* undefined = value.as_undefined()) {
            return make_error(ErrorKind::kInvalidInput, *undefined->reason);
        }
        return make_error(ErrorKind::kInvalidInput, fmt::format("a {} is not JSON", value.type_name()));
    }

    Result<void> line() {
        if (!style_.multiline) return {};
        DWUBIT_TRY(out_.add("\n"));
        for (std::size_t i = 0; i < depth_; ++i) DWUBIT_TRY(out_.add(style_.indent));
        return {};
    }

    Result<void> write_list(const Sequence& list) {
        if (list.items.empty()) return out_.add("[]");
        DWUBIT_TRY(out_.add("["));
        ++depth_;
        for (const Value& item : list.items) {
            if (&item != list.items.data()) DWUBIT_TRY(out_.add(style_.item_separator));
            DWUBIT_TRY(line());
            DWUBIT_TRY(write(item));
        }
        --depth_;
        DWUBIT_TRY(line());
        return out_.add("]");
    }

    Result<void> write_dict(const Dict& dict) {
        if (dict.size() == 0) return out_.add("{}");
        std::vector<const Dict::Item*> items;
        for (const auto& item : dict.items()) items.push_back(&item);
        if (style_.sort_keys) {
            const bool texts =
                std::all_of(items.begin(), items.end(), [](const auto* i) { return i->key.as_string() != nullptr; });
            if (!texts) return make_error(ErrorKind::kUnsupported, "sorting keys that are not text is not supported");
            std::stable_sort(items.begin(), items.end(),
                             [](const auto* a, const auto* b) { return *a->key.as_string() < *b->key.as_string(); });
        }
        DWUBIT_TRY(out_.add("{"));
        ++depth_;
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (i > 0) DWUBIT_TRY(out_.add(style_.item_separator));
            DWUBIT_TRY(line());
            std::string key;
            if (const auto* text = items[i]->key.as_string()) {
                key = *text;
            } else {
                DWUBIT_ASSIGN(key, scalar(items[i]->key));
            }
            DWUBIT_TRY(append_string(key, style_, out_));
            DWUBIT_TRY(out_.add(style_.key_separator));
            DWUBIT_TRY(write(items[i]->value));
        }
        --depth_;
        DWUBIT_TRY(line());
        return out_.add("}");
    }

    const JsonStyle& style_;
    PaidText& out_;
    Budget& budget_;
    std::size_t depth_ = 0;
};

}  // namespace

Result<std::string> to_json(const Value& value, const JsonStyle& style, Budget& budget) {
    PaidText out(budget);
    DWUBIT_TRY(Writer(style, out, budget).write(value));
    return out.take();
}

}  // namespace dwubit::tmpl
