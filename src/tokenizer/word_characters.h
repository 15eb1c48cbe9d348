// The two character classes that added tokens ask about: \w and \s of Unicode regular expressions (UTS #18).
#pragma once

namespace dwubit {

// Alphabetic, Mark, Decimal_Number, Connector_Punctuation or Join_Control.
bool is_word_character(char32_t c);

// White_Space.
bool is_white_space(char32_t c);

}  // namespace dwubit
