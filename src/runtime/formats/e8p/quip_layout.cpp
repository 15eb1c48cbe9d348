#include "runtime/formats/e8p/quip_layout.h"

#include <array>

#include "base/check.h"
#include "base/error.h"

namespace dwubit::e8p {
namespace {

constexpr std::int64_t kRowStep = 16;
constexpr std::int64_t kColumnStep = 64;
constexpr std::int64_t kMaxSide = 65535;

// A matrix in units of this layout.
struct Sizes {
    std::int64_t rows;
    std::int64_t codes;  // of a row
    std::int64_t words;  // of a row, of one stage
};

Sizes sizes_of(const Shape& matrix) {
    return {matrix[0], matrix[1] / 8, matrix[1] / 32};
}

// Words of a whole row of the tensor.
std::int64_t width_of(const Sizes& s, int bits) {
    return bits == 2 ? s.words : bits == 4 ? 2 * s.words : s.words + s.words / 2;
}

// Where the word of row pair `pair` and code pair `group` stands in a stage's [rows, words], counted through.
std::int64_t place_of(const Sizes& s, std::int64_t pair, std::int64_t group) {
    const std::int64_t across = s.codes / 8;
    return ((pair / 8 * across + group / 4) * 8 + pair % 8) * 4 + group % 4;
}

std::uint64_t word_of(const std::uint32_t (&codes)[4]) {
    std::uint64_t word = 0;
    for (int i = 0; i < 4; ++i) {
        word |= static_cast<std::uint64_t>(codes[i] >> 8 & 255) << (8 * i);
        for (int j = 0; j < 8; ++j) word |= static_cast<std::uint64_t>(codes[i] >> j & 1) << (32 + 4 * j + i);
    }
    return word;
}

void codes_of(std::uint64_t word, std::uint32_t (&codes)[4]) {
    for (int i = 0; i < 4; ++i) {
        codes[i] = static_cast<std::uint32_t>(word >> (8 * i) & 255) << 8;
        for (int j = 0; j < 8; ++j) codes[i] |= static_cast<std::uint32_t>(word >> (32 + 4 * j + i) & 1) << j;
    }
}

// Calls use(word, codes): the index of a stage's word in the tensor, and of its four codes.
template <class Use>
void for_each_word(const Sizes& s, std::int64_t width, std::int64_t first_column, const Use& use) {
    for (std::int64_t pair = 0; pair < s.rows / 2; ++pair) {
        for (std::int64_t group = 0; group < s.codes / 2; ++group) {
            const std::int64_t place = place_of(s, pair, group);
            const std::int64_t word = place / s.words * width + first_column + place % s.words;
            const std::int64_t at = 2 * pair * s.codes + 2 * group;
            use(static_cast<std::size_t>(word),
                std::array<std::size_t, 4>{static_cast<std::size_t>(at), static_cast<std::size_t>(at + s.codes),
                                           static_cast<std::size_t>(at + 1),
                                           static_cast<std::size_t>(at + s.codes + 1)});
        }
    }
}

// The code of a stage in a code of the format.
std::uint32_t stage_code(std::uint32_t code, int bits, int stage) {
    if (bits == 2) return code;
    const int second = bits == 3 ? 8 : 16;
    return stage == 0 ? code >> second : code & ((1U << second) - 1);
}

}  // namespace

Result<Shape> quip_shape(const Shape& matrix, int bits) {
    if (matrix[0] % kRowStep == 0 && matrix[1] % kColumnStep == 0 && matrix[0] <= kMaxSide && matrix[1] <= kMaxSide) {
        return Shape{matrix[0], width_of(sizes_of(matrix), bits)};
    }
    return errorf(
        ErrorKind::kUnsupported,
        "a matrix {} does not fit QuIP#'s layout: rows must be a multiple of {}, columns of {}, both below {}",
        to_string(matrix), kRowStep, kColumnStep, kMaxSide + 1);
}

std::vector<std::uint64_t> to_quip(std::span<const std::uint32_t> codes, const Shape& matrix, int bits) {
    const Sizes s = sizes_of(matrix);
    DWUBIT_CHECK(static_cast<std::int64_t>(codes.size()) == s.rows * s.codes);
    const std::int64_t width = width_of(s, bits);
    std::vector<std::uint64_t> words(static_cast<std::size_t>(s.rows * width));
    for (int stage = 0; stage < (bits == 4 ? 2 : 1); ++stage) {
        for_each_word(s, width, stage * s.words, [&](std::size_t word, const std::array<std::size_t, 4>& at) {
            std::uint32_t four[4];
            for (std::size_t i = 0; i < 4; ++i) four[i] = stage_code(codes[at[i]], bits, stage);
            words[word] = word_of(four);
        });
    }
    if (bits != 3) return words;
    for (std::int64_t row = 0; row < s.rows; ++row) {
        for (std::int64_t code = 0; code < s.codes; ++code) {
            const std::uint64_t point = stage_code(codes[static_cast<std::size_t>(row * s.codes + code)], bits, 1);
            words[static_cast<std::size_t>(row * width + s.words + code / 8)] |= point << (8 * (code % 8));
        }
    }
    return words;
}

std::vector<std::uint32_t> from_quip(std::span<const std::uint64_t> words, const Shape& matrix, int bits) {
    const Sizes s = sizes_of(matrix);
    const std::int64_t width = width_of(s, bits);
    DWUBIT_CHECK(static_cast<std::int64_t>(words.size()) == s.rows * width);
    std::vector<std::uint32_t> codes(static_cast<std::size_t>(s.rows * s.codes));
    for (int stage = 0; stage < (bits == 4 ? 2 : 1); ++stage) {
        for_each_word(s, width, stage * s.words, [&](std::size_t word, const std::array<std::size_t, 4>& at) {
            std::uint32_t four[4];
            codes_of(words[word], four);
            for (std::size_t i = 0; i < 4; ++i) codes[at[i]] = codes[at[i]] << 16 | four[i];
        });
    }
    if (bits != 3) return codes;
    for (std::int64_t row = 0; row < s.rows; ++row) {
        for (std::int64_t code = 0; code < s.codes; ++code) {
            const std::uint64_t word = words[static_cast<std::size_t>(row * width + s.words + code / 8)];
            std::uint32_t& whole = codes[static_cast<std::size_t>(row * s.codes + code)];
            whole = whole << 8 | static_cast<std::uint32_t>(word >> (8 * (code % 8)) & 255);
        }
    }
    return codes;
}

}  // namespace dwubit::e8p
