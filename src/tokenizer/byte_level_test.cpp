// Byte-level BPE against tests/golden/tokenizer/{byte_level,characters}.json: what Hugging Face `tokenizers` answers
// (tests/oracle/byte_level_golden.py).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/text.h"
#include "tokenizer/golden_texts.h"
#include "tokenizer/nfc.h"
#include "tokenizer/number_characters.h"
#include "tokenizer/split_pattern.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {
namespace {

using nlohmann::json;
using Ids = std::vector<TokenId>;

const json& golden(const std::string& name) {
    static std::map<std::string, json> files;
    if (!files.contains(name)) {
        const auto text = read_file("tests/golden/tokenizer/" + name);
        if (!text.ok()) throw std::runtime_error(text.error().message);
        files[name] = json::parse(*text);
    }
    return files[name];
}

class Family : public ::testing::TestWithParam<std::size_t> {
protected:
    void SetUp() override {
        want_ = golden("byte_level.json")["families"][GetParam()];
        auto parsed = Tokenizer::parse(want_["tokenizer"].dump(), "tokenizer.json");
        ASSERT_TRUE(parsed.ok()) << parsed.error().message;
        tokenizer_ = std::make_unique<Tokenizer>(std::move(parsed).value());
    }

    Ids encode(const std::string& text) const { return tokenizer_->encode(text, true).value(); }

    // Decoded at once, which token by token must equal.
    std::string decode(const Ids& ids, bool skip_special) const {
        const std::string text = tokenizer_->decode(ids, skip_special).value();
        StreamDecoder stream(*tokenizer_, skip_special);
        std::string joined;
        for (const TokenId id : ids) {
            const std::string piece = stream.push(id).value();
            EXPECT_EQ(find_invalid_utf8(piece), std::nullopt)
                << fmt::format("a cut character, ids {}", fmt::join(ids, " "));
            joined += piece;
        }
        joined += stream.finish();
        EXPECT_EQ(joined, text) << fmt::format("streamed, ids {}", fmt::join(ids, " "));
        return text;
    }

    // Differences between `hashes` and those of each group of what `bytes` gives for 0, 1, ...
    template <class Bytes>
    static int wrong_groups(const std::string& hashes, std::size_t count, const Bytes& bytes) {
        const std::size_t group = golden("byte_level.json")["group"];
        EXPECT_EQ(hashes.size(), count / group * 16);
        int wrong = 0;
        for (std::size_t first = 0; first < count; first += group) {
            std::string joined;
            for (std::size_t i = first; i < first + group; ++i) joined += bytes(i);
            if (testing::hash64(joined) != hashes.substr(first / group * 16, 16)) {
                ++wrong;
                ADD_FAILURE() << "among " << first << " to " << first + group - 1;
            }
        }
        return wrong;
    }

    json want_;
    std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_P(Family, HandWrittenTexts) {
    ASSERT_GT(want_["cases"].size(), 100u);
    for (const json& expected : want_["cases"]) {
        const auto text = expected["text"].get<std::string>();
        const auto ids = expected["ids"].get<Ids>();
        EXPECT_EQ(encode(text), ids) << '"' << printable(text, 200) << '"';
        EXPECT_EQ(decode(ids, false), expected["decoded"]);
        EXPECT_EQ(decode(ids, true), expected.value("skipped", expected["decoded"].get<std::string>()));
    }
}

TEST_P(Family, RandomStringsAndIds) {
    const auto id_bytes = [&](std::size_t i) {
        return testing::bytes_of(encode(testing::random_string(i))) + "\xFF\xFF\xFF\xFF";
    };
    const int strings = wrong_groups(want_["strings"], 10'000, id_bytes);
    int decodes = 0;
    for (const bool skip_special : {false, true}) {
        const auto text = [&](std::size_t i) {
            return decode(testing::random_ids(i, tokenizer_->vocab_size()), skip_special) + "\xFF";
        };
        decodes += wrong_groups(want_[skip_special ? "decodes_skipping" : "decodes"], 2'000, text);
    }
    std::cout << want_["name"] << ": 10000 strings, " << strings << " groups of them differ; 2000 decodes, " << decodes
              << '\n';
}

TEST_P(Family, LongLinesTakeAtMostTwoSeconds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    constexpr double kLimit = 40;
#else
    constexpr double kLimit = 2;
#endif
    for (const auto& [kind, want] : want_["lines"].items()) {
        const std::string line = testing::long_line(kind);
        const std::clock_t start = std::clock();
        const Ids ids = encode(line);
        const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        EXPECT_EQ(ids.size(), want["count"]) << kind;
        EXPECT_EQ(testing::hash64(testing::bytes_of(ids)), want["hash"]) << kind;
        EXPECT_LE(seconds, kLimit) << kind;
        RecordProperty("seconds_" + kind, std::to_string(seconds));
    }
}

INSTANTIATE_TEST_SUITE_P(ByteLevelGolden, Family, ::testing::Range<std::size_t>(0, 6), [](const auto& param) {
    return golden("byte_level.json")["families"][param.param]["name"].template get<std::string>();
});

TEST(ByteLevelGolden, HasAFamilyPerTest) {
    EXPECT_EQ(golden("byte_level.json")["families"].size(), 6u);
}

std::vector<char32_t> all_characters() {
    std::vector<char32_t> out;
    for (char32_t c = 0; c < 0x110000; ++c) {
        if (c < 0xD800 || c > 0xDFFF) out.push_back(c);
    }
    return out;
}

std::string code_bytes(char32_t c) {
    const auto code = static_cast<TokenId>(c);
    return testing::bytes_of(std::span(&code, 1));
}

TEST(CharactersGolden, ClassesOfPatterns) {
    std::string text;
    for (const char32_t c : all_characters()) append_utf8(text, c);
    for (const auto& [expression, hash] : golden("characters.json")["classes"].items()) {
        const auto pattern = SplitPattern::compile(expression, "pattern");
        ASSERT_TRUE(pattern.ok()) << pattern.error().message;
        std::string found;
        SplitBudget budget(text.size());
        ASSERT_TRUE(pattern
                        ->find_all(text, budget,
                                   [&](std::size_t at, std::size_t) { found += code_bytes(decode_utf8(text, at)); })
                        .ok());
        EXPECT_EQ(testing::hash64(found), hash) << expression;
    }
}

TEST(CharactersGolden, Digits) {
    std::string found;
    for (const char32_t c : all_characters()) {
        if (is_number_character(c)) found += code_bytes(c);
    }
    EXPECT_EQ(testing::hash64(found), golden("characters.json")["digits"]);
}

TEST(CharactersGolden, Nfc) {
    const std::pair<const char*, const char*> frames[] = {
        {"", ""}, {"a", "\u0323\u0301"}, {"a\u0301", "\u0323"}, {"\u03b1\u0345", ""}, {"a\u0334", "\u0334"}};
    ASSERT_EQ(golden("characters.json")["nfc"].size(), std::size(frames));
    for (std::size_t i = 0; i < std::size(frames); ++i) {
        std::string text;
        for (const char32_t c : all_characters()) {
            text += frames[i].first;
            append_utf8(text, c);
            text += frames[i].second;
            text += '\n';
        }
        EXPECT_EQ(testing::hash64(normalize_nfc(text)), golden("characters.json")["nfc"][i]) << "frame " << i;
    }
}

}  // namespace
}  // namespace dwubit
