// Texts and ids of every kind, made from a seed exactly as tests/oracle/tokenizer_golden.py makes them, so that golden
// files need hold no more than hashes of what `tokenizers` answers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace dwubit::testing {

std::string random_string(std::uint64_t seed);
std::vector<TokenId> random_ids(std::uint64_t seed, std::int32_t vocab_size);
// A line of about 1 MB; `kind` as in random.json.
std::string long_line(std::string_view kind);

// FNV-1a in hexadecimal digits; ids as little-endian 32-bit numbers.
std::string hash32(std::string_view bytes);
std::string hash64(std::string_view bytes);
std::string bytes_of(std::span<const TokenId> ids);

}  // namespace dwubit::testing
