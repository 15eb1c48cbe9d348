#include "tokenizer/byte_level.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::size_t kCharacters = 0x144;  // one more than the last character

struct ByteTable {
    std::array<char16_t, 256> character_of{};
    std::array<std::int16_t, kCharacters> byte_of{};  // -1 = none
};

constexpr bool is_printable_latin1(std::size_t byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

constexpr ByteTable make_table() {
    ByteTable table;
    for (auto& byte : table.byte_of) byte = -1;
    std::size_t next = 0x100;
    for (std::size_t byte = 0; byte < 256; ++byte) {
        const std::size_t character = is_printable_latin1(byte) ? byte : next++;
        table.character_of[byte] = static_cast<char16_t>(character);
        table.byte_of[character] = static_cast<std::int16_t>(byte);
    }
    return table;
}

constexpr ByteTable kTable = make_table();
static_assert(kTable.character_of[0xAD] == kCharacters - 1);

}  // namespace

void append_byte_characters(std::string_view text, std::string& out) {
    for (const char c : text) append_utf8(out, kTable.character_of[static_cast<unsigned char>(c)]);
}

bool append_bytes_of_characters(std::string_view characters, std::string& out) {
    const std::size_t before = out.size();
    for (std::size_t at = 0; at < characters.size();) {
        const char32_t character = decode_utf8(characters, at);
        if (character >= kCharacters || kTable.byte_of[character] < 0) {
            out.resize(before);
            return false;
        }
        out.push_back(static_cast<char>(kTable.byte_of[character]));
        at += utf8_length(static_cast<unsigned char>(characters[at]));
    }
    return true;
}

}  // namespace dwubit
