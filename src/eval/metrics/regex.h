// Regular expressions as Python's `re` reads them, over PCRE2.
//
// A pattern is read by our own parser, which knows Python's syntax, and written anew for PCRE2 with Python's meanings
// of \w, \d, \s, \b, $ and {,n}. Refused as unsupported: the flags a, L and x, and \N{...}. Refused as wrong: what
// Python refuses (\K, \p{L}, a**, (?<name>...), ...), but for what only a count of widths or groups would show.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"

namespace dwubit {

class Regex {
public:
    // Error: the pattern, the place in it and what is wrong there.
    static Result<Regex> compile(std::string_view pattern);

    // re.findall(): per match what the groups hold, "" for one that took no part; the whole match where the pattern has
    // no group. `text` is well-formed UTF-8. Error: the pattern needs too many steps on this text.
    Result<std::vector<std::vector<std::string>>> find_all(std::string_view text) const;

    // re.sub() with a replacement that is plain text.
    Result<std::string> replace_all(std::string_view text, std::string_view replacement) const;

    Regex(Regex&&) noexcept;
    Regex& operator=(Regex&&) noexcept;
    ~Regex();

private:
    struct Impl;
    explicit Regex(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// re.escape()
std::string regex_escape(std::string_view text);

}  // namespace dwubit
