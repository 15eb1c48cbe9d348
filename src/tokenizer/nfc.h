// Unicode normalization form C, as the normalizer of Hugging Face `tokenizers` does it.
#pragma once

#include <string>
#include <string_view>

namespace dwubit {

// `text`, well-formed UTF-8, in form C; at most three times longer. Characters newer than Unicode 9, the version that
// `tokenizers` has tables for, neither combine nor change places. Time n log n.
std::string normalize_nfc(std::string_view text);

}  // namespace dwubit
