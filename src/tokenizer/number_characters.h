// The characters that the pre-tokenizer Digits cuts at.
#pragma once

namespace dwubit {

// Category N (Nd, Nl, No) of Unicode 17, the version of Hugging Face's standard library.
bool is_number_character(char32_t c);

}  // namespace dwubit
