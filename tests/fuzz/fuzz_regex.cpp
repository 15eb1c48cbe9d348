// A regular expression of a task, Python's syntax, on a text: refused, or found twice alike. Pattern and text in one,
// cut at the first NUL.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "eval/metrics/regex.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t cut = input.find('\0');
    const auto regex = dwubit::Regex::compile(input.substr(0, cut));
    if (!regex.ok()) return 0;
    const std::string text =
        dwubit::replace_invalid_utf8(cut == std::string_view::npos ? "Łódź, 12.5 (A)\nB" : input.substr(cut + 1));
    const auto found = regex->find_all(text);
    const auto again = regex->find_all(text);
    DWUBIT_CHECK(found.ok() == again.ok());
    if (!found.ok()) return 0;
    DWUBIT_CHECK(*found == *again);
    const auto rest = regex->replace_all(text, "");
    DWUBIT_CHECK(rest.ok() && rest->size() <= text.size());
    DWUBIT_CHECK(!dwubit::find_invalid_utf8(*rest));
    return 0;
}
