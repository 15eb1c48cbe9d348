#include "tokenizer/number_characters.h"

#include <utf8proc.h>

#include "tokenizer/unicode_stand_in.h"

namespace dwubit {

bool is_number_character(char32_t c) {
    if (c < 0x80) return c >= '0' && c <= '9';
    if ((c >= 0x11DE0 && c <= 0x11DE9) || (c >= 0x16FF4 && c <= 0x16FF6)) return true;  // new in Unicode 17
    const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(unicode_stand_in(c)));
    return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

}  // namespace dwubit
