// GPT-2's way of writing any byte as a character: the printable bytes of Latin-1 stand for themselves, the other 68 for
// U+0100 and up ("\n" is U+010A, a space U+0120).
#pragma once

#include <string>
#include <string_view>

namespace dwubit {

// Appends the characters of the bytes of `text`, at most two bytes each.
void append_byte_characters(std::string_view text, std::string& out);

// Appends the bytes that `characters`, well-formed UTF-8, stand for. False, and nothing appended, when one of them
// stands for no byte.
bool append_bytes_of_characters(std::string_view characters, std::string& out);

}  // namespace dwubit
