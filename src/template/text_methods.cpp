#include "template/text_methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "template/methods.h"
#include "template/python_text.h"

namespace dwubit::tmpl {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

std::size_t find_text(std::string_view text, std::string_view part) {
    if (part.empty()) return 0;
    const void* found = ::memmem(text.data(), text.size(), part.data(), part.size());
    return found == nullptr ? kNowhere : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// What searching from the right may cost.
Result<void> pay_search(std::string_view text, std::string_view part, Engine& engine) {
    return engine.budget.scan(text.size() + text.size() / 32 * std::min<std::size_t>(part.size(), 1024));
}

template <std::string (*change)(std::string_view)>
Result<Value> changed(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("the method", arguments, {}));
    DWUBIT_TRY(engine.budget.bytes(text.size()));
    return make_text(change(text), engine);
}

template <bool left, bool right>
Result<Value> strip(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("strip()", arguments, {"chars"}));
    DWUBIT_TRY(engine.budget.scan(text.size()));
    const bool given = bound[0] && !bound[0]->is_none();
    DWUBIT_ASSIGN(const std::string characters, text_or(bound[0], "", "strip()"));
    DWUBIT_TRY(engine.budget.scan(given ? text.size() * std::min<std::size_t>(characters.size(), 4096) : 0));
    return make_text(std::string(strip_characters(text, given ? &characters : nullptr, left, right)), engine);
}

Result<void> add_piece(std::vector<Value>& pieces, std::string_view piece, Engine& engine) {
    DWUBIT_TRY(engine.budget.items(1));
    DWUBIT_ASSIGN(auto value, make_text(std::string(piece), engine));
    pieces.push_back(std::move(value));
    return {};
}

Result<std::vector<Value>> split_space(std::string_view text, std::int64_t limit, bool from_right, Engine& engine) {
    std::vector<Value> pieces;
    while (true) {
        text = from_right ? strip_right(text) : strip_left(text);
        if (text.empty()) break;
        if (limit == 0) {
            DWUBIT_TRY(add_piece(pieces, text, engine));
            break;
        }
        --limit;
        if (from_right) {
            std::size_t start = text.size();
            while (start > 0) {
                std::size_t before = start - 1;
                while (before > 0 && (static_cast<unsigned char>(text[before]) & 0xC0U) == 0x80U) --before;
                if (is_space(character_at(text, before))) break;
                start = before;
            }
            DWUBIT_TRY(add_piece(pieces, text.substr(start), engine));
            text = text.substr(0, start);
        } else {
            std::size_t end = 0;
            while (end < text.size() && !is_space(character_at(text, end))) end += character_length(text, end);
            DWUBIT_TRY(add_piece(pieces, text.substr(0, end), engine));
            text = text.substr(end);
        }
    }
    if (from_right) std::reverse(pieces.begin(), pieces.end());
    return pieces;
}

template <bool from_right>
Result<Value> split(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("split()", arguments, {"sep", "maxsplit"}));
    DWUBIT_ASSIGN(std::int64_t limit, integer_or(bound[1], -1, "split()"));
    DWUBIT_TRY(engine.budget.scan(text.size()));
    if (!bound[0] || bound[0]->is_none()) {
        DWUBIT_ASSIGN(auto pieces, split_space(text, limit, from_right, engine));
        return make_list(std::move(pieces), engine);
    }
    DWUBIT_ASSIGN(const std::string separator, text_argument(*bound[0], "split()"));
    if (separator.empty()) return invalid("split() needs a separator that is not empty");
    std::vector<Value> pieces;
    std::string_view rest = text;
    if constexpr (from_right) DWUBIT_TRY(pay_search(text, separator, engine));
    for (; limit != 0; --limit) {
        const std::size_t at = from_right ? rest.rfind(separator) : find_text(rest, separator);
        if (at == kNowhere) break;
        DWUBIT_TRY(add_piece(pieces, from_right ? rest.substr(at + separator.size()) : rest.substr(0, at), engine));
        rest = from_right ? rest.substr(0, at) : rest.substr(at + separator.size());
    }
    DWUBIT_TRY(add_piece(pieces, rest, engine));
    if (from_right) std::reverse(pieces.begin(), pieces.end());
    return make_list(std::move(pieces), engine);
}

Result<Value> split_into_lines(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("splitlines()", arguments, {}));
    DWUBIT_TRY(engine.budget.bytes(text.size() * sizeof(std::string_view)));
    std::vector<Value> pieces;
    for (const std::string_view line : split_lines(text)) DWUBIT_TRY(add_piece(pieces, line, engine));
    return make_list(std::move(pieces), engine);
}

Result<Value> replace(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("replace()", arguments, {"old", "new", "count"}, 2));
    DWUBIT_ASSIGN(const std::string from, text_argument(*bound[0], "replace()"));
    DWUBIT_ASSIGN(const std::string to, text_argument(*bound[1], "replace()"));
    DWUBIT_ASSIGN(const std::int64_t count, integer_or(bound[2], -1, "replace()"));
    return replace_text(text, from, to, count, engine);
}

// The parameters (start, end) of find(), count(), startswith(): bytes of `text`, nullopt where start is behind the
// text.
Result<std::optional<std::pair<std::size_t, std::size_t>>> extent(const std::string& text, const Bound& bound,
                                                                  Engine& engine) {
    DWUBIT_TRY(engine.budget.scan(text.size()));
    if (!bound[1] && !bound[2]) return std::make_optional(std::pair<std::size_t, std::size_t>(0, text.size()));
    const auto size = static_cast<std::int64_t>(count_characters(text));
    DWUBIT_ASSIGN(std::int64_t from, integer_or(bound[1], 0, "the start"));
    DWUBIT_ASSIGN(std::int64_t to, integer_or(bound[2], size, "the end"));
    if (from < 0) from = std::max<std::int64_t>(from + size, 0);
    if (to < 0) to = std::max<std::int64_t>(to + size, 0);
    to = std::min(to, size);
    if (from > to) return std::optional<std::pair<std::size_t, std::size_t>>();
    return std::make_optional(std::pair<std::size_t, std::size_t>(byte_offset(text, static_cast<std::size_t>(from)),
                                                                  byte_offset(text, static_cast<std::size_t>(to))));
}

// Where it is by characters, -1 if nowhere.
template <bool from_right>
Result<Value> find(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("find()", arguments, {"sub", "start", "end"}, 1));
    DWUBIT_ASSIGN(const std::string part, text_argument(*bound[0], "find()"));
    DWUBIT_ASSIGN(const auto range, extent(text, bound, engine));
    if (!range) return Value(-1);
    DWUBIT_TRY(pay_search(text, part, engine));
    const std::string_view searched = std::string_view(text).substr(range->first, range->second - range->first);
    const std::size_t at = from_right ? searched.rfind(part) : find_text(searched, part);
    if (at == kNowhere) return Value(-1);
    return Value(static_cast<std::int64_t>(count_characters(std::string_view(text).substr(0, range->first + at))));
}

template <bool from_right>
Result<Value> index(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(auto place, find<from_right>(text, arguments, engine));
    if (*place.as_int() < 0) return invalid("index(): the text is not found");
    return place;
}

Result<Value> count(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("count()", arguments, {"sub", "start", "end"}, 1));
    DWUBIT_ASSIGN(const std::string part, text_argument(*bound[0], "count()"));
    DWUBIT_ASSIGN(const auto range, extent(text, bound, engine));
    if (!range) return Value(0);
    std::string_view rest = std::string_view(text).substr(range->first, range->second - range->first);
    if (part.empty()) return Value(static_cast<std::int64_t>(count_characters(rest) + 1));
    std::int64_t found = 0;
    for (std::size_t at = find_text(rest, part); at != kNowhere; at = find_text(rest, part)) {
        ++found;
        rest = rest.substr(at + part.size());
    }
    return Value(found);
}

template <bool at_end>
Result<Value> starts_or_ends(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("startswith()", arguments, {"prefix", "start", "end"}, 1));
    DWUBIT_ASSIGN(const auto range, extent(text, bound, engine));
    std::vector<Value> parts = {*bound[0]};
    if (const auto* several = bound[0]->as_sequence(); several != nullptr && several->kind == SequenceKind::kTuple) {
        DWUBIT_ASSIGN(parts, iterate(*bound[0], engine));
    }
    bool found = false;
    for (const Value& part : parts) {
        const auto* wanted = part.as_string();
        if (part.as_undefined() != nullptr) return undefined_error(part);
        if (wanted == nullptr) return invalid(fmt::format("startswith() needs text, not a {}", part.type_name()));
        if (!range) continue;
        const std::string_view searched = std::string_view(text).substr(range->first, range->second - range->first);
        found = found || (at_end ? searched.ends_with(*wanted) : searched.starts_with(*wanted));
    }
    return Value(found);
}

template <bool at_end>
Result<Value> remove_affix(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("removeprefix()", arguments, {"prefix"}, 1));
    DWUBIT_ASSIGN(const std::string affix, text_argument(*bound[0], "removeprefix()"));
    std::string_view rest = text;
    if (at_end && rest.ends_with(affix)) {
        rest.remove_suffix(affix.size());
    } else if (!at_end && rest.starts_with(affix)) {
        rest.remove_prefix(affix.size());
    }
    return make_text(std::string(rest), engine);
}

Result<Value> join(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("join()", arguments, {"iterable"}, 1));
    DWUBIT_ASSIGN(const auto items, iterate(*bound[0], engine));
    PaidText out(engine.budget);
    for (const Value& item : items) {
        if (item.as_undefined() != nullptr) return undefined_error(item);
        if (item.as_string() == nullptr) return invalid(fmt::format("join() needs text, not a {}", item.type_name()));
        if (&item != items.data()) DWUBIT_TRY(out.add(text));
        DWUBIT_TRY(out.add(*item.as_string()));
    }
    return make_text(out.take(), engine);
}

Result<Value> partition(const std::string& text, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("partition()", arguments, {"sep"}, 1));
    DWUBIT_ASSIGN(const std::string separator, text_argument(*bound[0], "partition()"));
    if (separator.empty()) return invalid("partition() needs a separator that is not empty");
    DWUBIT_TRY(engine.budget.scan(text.size()));
    const std::size_t at = find_text(text, separator);
    std::vector<Value> parts;
    DWUBIT_TRY(add_piece(parts, std::string_view(text).substr(0, at), engine));
    DWUBIT_TRY(add_piece(parts, at == kNowhere ? std::string_view() : std::string_view(separator), engine));
    DWUBIT_TRY(add_piece(
        parts, at == kNowhere ? std::string_view() : std::string_view(text).substr(at + separator.size()), engine));
    return make_list(std::move(parts), engine, SequenceKind::kTuple);
}

constexpr TextMethod kMethods[] = {
    {"upper", changed<to_upper>},
    {"lower", changed<to_lower>},
    {"title", changed<to_title>},
    {"capitalize", changed<capitalized>},
    {"strip", strip<true, true>},
    {"lstrip", strip<true, false>},
    {"rstrip", strip<false, true>},
    {"split", split<false>},
    {"rsplit", split<true>},
    {"splitlines", split_into_lines},
    {"replace", replace},
    {"find", find<false>},
    {"rfind", find<true>},
    {"index", index<false>},
    {"rindex", index<true>},
    {"count", count},
    {"startswith", starts_or_ends<false>},
    {"endswith", starts_or_ends<true>},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"join", join},
    {"partition", partition},
};

bool is_line_break(char32_t c) {
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

}  // namespace

const TextMethod* find_text_method(std::string_view name) {
    const auto* found =
        std::find_if(std::begin(kMethods), std::end(kMethods), [&](const auto& m) { return m.name == name; });
    return found == std::end(kMethods) ? nullptr : found;
}

std::vector<std::string_view> split_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = character_length(text, i);
        if (is_line_break(character_at(text, i))) {
            lines.push_back(text.substr(start, i - start));
            i += text.substr(i).starts_with("\r\n") ? 2 : length;
            start = i;
        } else {
            i += length;
        }
    }
    if (start < text.size()) lines.push_back(text.substr(start));
    return lines;
}

Result<Value> replace_text(const std::string& text, const std::string& from, const std::string& to, std::int64_t count,
                           Engine& engine) {
    DWUBIT_TRY(engine.budget.scan(text.size()));
    PaidText out(engine.budget);
    std::string_view rest = text;
    if (count < 0) count = std::numeric_limits<std::int64_t>::max();
    if (from.empty()) {  // between all characters, and at both ends
        for (; count > 0; --count) {
            DWUBIT_TRY(out.add(to));
            if (rest.empty()) break;
            const std::size_t length = character_length(rest, 0);
            DWUBIT_TRY(out.add(rest.substr(0, length)));
            rest = rest.substr(length);
        }
        DWUBIT_TRY(out.add(rest));
        return make_text(out.take(), engine);
    }
    for (; count > 0; --count) {
        const std::size_t at = find_text(rest, from);
        if (at == kNowhere) break;
        DWUBIT_TRY(out.add(rest.substr(0, at)));
        DWUBIT_TRY(out.add(to));
        rest = rest.substr(at + from.size());
    }
    DWUBIT_TRY(out.add(rest));
    return make_text(out.take(), engine);
}

std::string_view strip_characters(std::string_view text, const std::string* characters, bool left, bool right) {
    if (characters == nullptr) {
        if (left) text = strip_left(text);
        return right ? strip_right(text) : text;
    }
    const auto listed = [&](std::string_view character) {
        for (std::size_t i = 0; i < characters->size(); i += character_length(*characters, i)) {
            if (std::string_view(*characters).substr(i, character_length(*characters, i)) == character) return true;
        }
        return false;
    };
    while (left && !text.empty() && listed(text.substr(0, character_length(text, 0)))) {
        text.remove_prefix(character_length(text, 0));
    }
    while (right && !text.empty()) {
        std::size_t last = text.size() - 1;
        while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0U) == 0x80U) --last;
        if (!listed(text.substr(last))) break;
        text = text.substr(0, last);
    }
    return text;
}

}  // namespace dwubit::tmpl
