#include "lab/pipeline/layer_range.h"

#include <charconv>

#include "base/text.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

// A whole number, or nothing.
std::optional<std::int64_t> parse_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || code != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

}  // namespace

std::vector<bool> parse_layers(const std::optional<std::string>& text, std::int64_t layers) {
    std::vector<bool> chosen(static_cast<std::size_t>(layers), !text.has_value());
    if (!text) return chosen;
    std::string_view rest = *text;
    while (true) {
        const std::size_t comma = rest.find(',');
        const std::string_view part = rest.substr(0, comma);
        const std::size_t dash = part.find('-');
        const auto first = parse_number(part.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : parse_number(part.substr(dash + 1));
        if (!first || !last || *first > *last) {
            fail(ErrorKind::kUsage, "--layers {}: '{}' is no layer or range of layers; write 0,3-5", printable(*text),
                 printable(part));
        }
        if (*last >= layers) {
            fail(ErrorKind::kUsage, "--layers {}: the model has layers 0 to {}", printable(*text), layers - 1);
        }
        for (std::int64_t layer = *first; layer <= *last; ++layer) {
            if (chosen[static_cast<std::size_t>(layer)]) {
                fail(ErrorKind::kUsage, "--layers {}: layer {} is named twice", printable(*text), layer);
            }
            chosen[static_cast<std::size_t>(layer)] = true;
        }
        if (comma == std::string_view::npos) return chosen;
        rest.remove_prefix(comma + 1);
    }
}

}  // namespace dwubit::lab
