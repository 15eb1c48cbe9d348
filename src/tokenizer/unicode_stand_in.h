// Characters newer than Unicode 14, which Hugging Face `tokenizers` knows (Unicode 16) and a library here may not.
#pragma once

#include <string>
#include <string_view>

namespace dwubit {

// An older character of the same general category and the same length in UTF-8 for one that is newer than Unicode 14
// (and for U+180E, which PCRE2 takes for white space); other characters stand for themselves.
char32_t unicode_stand_in(char32_t c);

// `text`, well-formed UTF-8, with stand-ins: `text` itself where nothing changes, else a view of `storage`. Offsets of
// characters stay the same.
std::string_view with_stand_ins(std::string_view text, std::string& storage);

}  // namespace dwubit
