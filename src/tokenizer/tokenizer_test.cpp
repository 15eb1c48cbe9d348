#include "tokenizer/tokenizer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "base/text.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

using nlohmann::json;
using std::string_literals::operator""s;
using Ids = std::vector<TokenId>;

json added(int id, const std::string& content, bool special = true) {
    return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
            {"rstrip", false}, {"normalized", false}, {"special", special}};
}

// A small tokenizer of orlik's kind.
json small() {
    json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}, {"a", 3}, {"b", 4}, {"▁", 5}, {"ab", 6}, {"▁ab", 7}};
    for (int byte = 0; byte < 256; ++byte) vocab[fmt::format("<0x{:02X}>", byte)] = 16 + byte;
    return {{"version", "1.0"},
            {"added_tokens", {added(0, "<unk>"), added(1, "<s>"), added(2, "</s>"), added(300, "<x>", false)}},
            {"normalizer",
             {{"type", "Sequence"},
              {"normalizers",
               {{{"type", "Prepend"}, {"prepend", "▁"}},
                {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}}}}},
            {"pre_tokenizer", nullptr},
            {"post_processor",
             {{"type", "TemplateProcessing"},
              {"single",
               {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
              {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
            {"decoder",
             {{"type", "Sequence"},
              {"decoders",
               {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
                {{"type", "ByteFallback"}},
                {{"type", "Fuse"}},
                {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
            {"model",
             {{"type", "BPE"},
              {"unk_token", "<unk>"},
              {"fuse_unk", true},
              {"byte_fallback", true},
              {"vocab", vocab},
              {"merges", {"a b", "▁ ab"}}}}};
}

Tokenizer parsed(const json& file) {
    auto tokenizer = Tokenizer::parse(file.dump(), "tokenizer.json");
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
    return std::move(tokenizer).value();
}

TEST(Tokenizer, EncodesWithAndWithoutTheTemplate) {
    const Tokenizer tokenizer = parsed(small());
    EXPECT_EQ(*tokenizer.encode("ab", true), (Ids{1, 7}));
    EXPECT_EQ(*tokenizer.encode("ab", false), Ids{7});
    EXPECT_EQ(*tokenizer.encode("", true), Ids{1});
    EXPECT_EQ(*tokenizer.encode("a<s>b", false), (Ids{5, 3, 1, 5, 4}));
    EXPECT_EQ(*tokenizer.encode("\n", false), (Ids{5, 16 + 0x0A}));
}

TEST(Tokenizer, TellsAboutItsTokens) {
    const Tokenizer tokenizer = parsed(small());
    EXPECT_EQ(tokenizer.vocab_size(), 301);
    ASSERT_NE(tokenizer.token(7), nullptr);
    EXPECT_EQ(tokenizer.token(7)->text, "▁ab");
    EXPECT_FALSE(tokenizer.token(7)->special);
    EXPECT_TRUE(tokenizer.token(1)->special);
    EXPECT_FALSE(tokenizer.token(300)->special);
    for (const TokenId id : {-1, 8, 299, 301, std::numeric_limits<TokenId>::min()}) {
        EXPECT_EQ(tokenizer.token(id), nullptr) << id;
    }
    EXPECT_EQ(tokenizer.find("▁ab"), 7);
    EXPECT_EQ(tokenizer.find("<x>"), 300);
    EXPECT_EQ(tokenizer.find("kot"), std::nullopt);
    EXPECT_EQ(tokenizer.prefix_ids(), Ids{1});
    EXPECT_EQ(tokenizer.suffix_ids(), Ids{});
    EXPECT_EQ(tokenizer.bos(), 1);
    EXPECT_EQ(tokenizer.sha256(), sha256_hex(small().dump()));
}

TEST(Tokenizer, WithoutATemplateThereIsNoBos) {
    json file = small();
    file.erase("post_processor");
    const Tokenizer tokenizer = parsed(file);
    EXPECT_EQ(tokenizer.bos(), std::nullopt);
    EXPECT_EQ(*tokenizer.encode("ab", true), Ids{7});
}

TEST(Tokenizer, IllFormedInputIsReadAsReplacementCharacters) {
    const Tokenizer tokenizer = parsed(small());
    for (const std::string& text : {"a\xFF"
                                    "b"s,
                                    "\xE2\x96"s, "\xED\xA0\x80"s, "<s>\xC0"s, "\x80<s>"s}) {
        EXPECT_EQ(*tokenizer.encode(text, true), *tokenizer.encode(replace_invalid_utf8(text), true));
    }
}

TEST(Tokenizer, DecodingRefusesIdsThatNoTokenHas) {
    const Tokenizer tokenizer = parsed(small());
    for (const TokenId id : {-1, 8, 299, 301}) {
        const auto text = tokenizer.decode(Ids{3, 4, id, 3}, false);
        ASSERT_FALSE(text.ok());
        EXPECT_EQ(text.error().kind, ErrorKind::kInvalidInput);
        EXPECT_EQ(text.error().message, fmt::format("no token has id {} (the id at place 2 of 4)", id));
        EXPECT_NE(text.error().hint.find("300"), std::string::npos);
        StreamDecoder stream(tokenizer, false);
        EXPECT_FALSE(stream.push(id).ok());
        EXPECT_EQ(*stream.push(3), "a");
    }
}

TEST(Tokenizer, DecodingOfNothingIsEmpty) {
    EXPECT_EQ(*parsed(small()).decode({}, false), "");
    json file = small();
    file["decoder"] = nullptr;
    EXPECT_EQ(*parsed(file).decode({}, false), "");
}

TEST(StreamDecoder, GivesTextAsSoonAsItIsCertain) {
    const Tokenizer tokenizer = parsed(small());
    StreamDecoder stream(tokenizer, true);
    EXPECT_EQ(*stream.push(1), "");
    EXPECT_EQ(*stream.push(7), "ab");
    EXPECT_EQ(*stream.push(7), " ab");
    EXPECT_EQ(*stream.push(16 + 0xC5), "");  // "ż" as two byte tokens
    EXPECT_EQ(*stream.push(1), "");          // skipped, so it does not end the run
    EXPECT_EQ(*stream.push(16 + 0xBC), "");
    EXPECT_EQ(*stream.push(3), "ża");
    EXPECT_EQ(*stream.push(16 + 0xF0), "");
    EXPECT_EQ(stream.finish(), "\xEF\xBF\xBD");
}

TEST(StreamDecoder, TakesTimeLinearInTheTokens) {
    const Tokenizer tokenizer = parsed(small());
    const Ids bytes(400'000, 16 + 'x');
    for (const Ids& ids : {bytes, Ids(400'000, 7)}) {
        const auto start = std::chrono::steady_clock::now();
        StreamDecoder stream(tokenizer, true);
        std::string text;
        for (const TokenId id : ids) text += *stream.push(id);
        text += stream.finish();
        EXPECT_EQ(text, *tokenizer.decode(ids, true));
        // A quadratic decoder takes minutes.
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
    }
}

TEST(Tokenizer, LoadNamesAMissingFile) {
    const auto tokenizer = Tokenizer::load("no/such/tokenizer.json");
    ASSERT_FALSE(tokenizer.ok());
    EXPECT_EQ(tokenizer.error().kind, ErrorKind::kNotFound);
    EXPECT_NE(tokenizer.error().message.find("no/such/tokenizer.json"), std::string::npos);
}

TEST(Tokenizer, LoadNamesTheFileAndMemberAtFault) {
    const testing::TempFolder folder;
    json file = small();
    file["model"]["vocab"]["a"] = -7;
    const auto tokenizer = Tokenizer::load(folder.write("tokenizer.json", file.dump()));
    ASSERT_FALSE(tokenizer.ok());
    EXPECT_NE(tokenizer.error().message.find((folder / "tokenizer.json").string() + ": model.vocab: 'a' must be"),
              std::string::npos)
        << tokenizer.error().message;
}

void expect_refused(const std::string& text, const std::string& message, const std::string& name) {
    const auto tokenizer = Tokenizer::parse(text, "tokenizer.json");
    ASSERT_FALSE(tokenizer.ok()) << name;
    const Error& error = tokenizer.error();
    EXPECT_TRUE(error.kind == ErrorKind::kInvalidInput || error.kind == ErrorKind::kUnsupported) << name;
    EXPECT_TRUE(error.message.starts_with("tokenizer.json")) << error.message;
    EXPECT_NE(error.message.find(message), std::string::npos) << name << ": " << error.message;
    EXPECT_EQ(error.message.find('\n'), std::string::npos) << error.message;
    EXPECT_LT(error.message.size(), 400u) << error.message;
}

TEST(TokenizerBadFile, WhatIsNoTokenizerJson) {
    const std::string brackets(100'000, '[');
    expect_refused("", "line 1", "empty");
    expect_refused("\0\0\0"s, "line 1", "zero bytes");
    expect_refused("{", "line 1", "cut short");
    expect_refused("[]", "must be an object", "array");
    expect_refused("null", "must be an object", "null");
    expect_refused("{}", "model must be an object", "empty object");
    expect_refused(brackets, "nested deeper", "brackets");
    expect_refused("{\"model\":" + brackets, "nested deeper", "brackets inside");
    expect_refused("{\"a\":1,\"a\":2}", "duplicate key", "duplicate key");
    expect_refused("{\"model\":{\"vocab\":{\"a\":1,\"a\":2}}}", "duplicate key", "duplicate token");
    expect_refused("{\"model\":\"\xFF\"}", "line 1", "ill-formed UTF-8");
}

struct BadMember {
    std::string pointer;  // JSON pointer of what is replaced
    json value;
    std::string message;  // a part of it
};

void expect_all_refused(const std::vector<BadMember>& cases) {
    for (const BadMember& c : cases) {
        json file = small();
        file[json::json_pointer(c.pointer)] = c.value;
        expect_refused(file.dump(), c.message, c.pointer + " = " + c.value.dump().substr(0, 100));
    }
}

TEST(TokenizerBadFile, Model) {
    const json array_of_arrays = json::array({json::array({"a", "b", "ab"})});
    expect_all_refused({
        {"/version", "2.0", "version '2.0' is not supported"},
        {"/version", 1, "'version' must be a string"},
        {"/model", json::array(), "model must be an object"},
        {"/model/type", "WordPiece", "model of type 'WordPiece' is not supported"},
        {"/model/type", 3, "'type' must be a string"},
        {"/model/vocab", nullptr, "'vocab' must be an object"},
        {"/model/vocab", json::array({"a"}), "'vocab' must be an object"},
        {"/model/vocab/a", -1, "model.vocab: 'a' must be an integer from 0 to 16777215, got -1"},
        {"/model/vocab/a", 1 << 24, "'a' must be an integer from 0 to 16777215"},
        {"/model/vocab/a", 18446744073709551615u, "'a' must be an integer"},
        {"/model/vocab/a", 1.5, "'a' must be an integer"},
        {"/model/vocab/a", "3", "'a' must be an integer"},
        {"/model/vocab/a", nullptr, "'a' must be an integer"},
        {"/model/vocab/a", 4, "'a' and 'b' both have id 4"},
        {"/model/merges", nullptr, "'merges' must be an array"},
        {"/model/merges", json::object(), "'merges' must be an array"},
        {"/model/merges", {"ab"}, "merges[0] must be"},
        {"/model/merges", {"a b a"}, "merges[0] must be"},
        {"/model/merges", {"a b", 7}, "merges[1] must be"},
        {"/model/merges", array_of_arrays, "merges[0] must be"},
        {"/model/merges", {"a b", "a kot"}, "merges[1]: 'kot' is not in the vocabulary"},
        {"/model/merges", {"b a"}, "merges[0]: the result 'ba' is not in the vocabulary"},
        {"/model/unk_token", "<none>", "'unk_token' must be a token of the vocabulary"},
        {"/model/unk_token", 0, "'unk_token' must be a string"},
        {"/model/byte_fallback", 1, "'byte_fallback' must be true or false"},
        {"/model/fuse_unk", "yes", "'fuse_unk' must be true or false"},
        {"/model/ignore_merges", json::array(), "'ignore_merges' must be true or false"},
        {"/model/dropout", 0.1, "'dropout' is not supported"},
        {"/model/dropout", "x", "'dropout' must be a number"},
        {"/model/continuing_subword_prefix", "##", "'continuing_subword_prefix' is not supported"},
        {"/model/end_of_word_suffix", "</w>", "'end_of_word_suffix' is not supported"},
    });
}

TEST(TokenizerBadFile, AddedTokens) {
    json stripped = added(9, "y");
    stripped.erase("lstrip");
    expect_all_refused({
        {"/added_tokens", "x", "added_tokens must be an array"},
        {"/added_tokens/3", 7, "added_tokens[3] must be an object"},
        {"/added_tokens/3", stripped, "added_tokens[3]: 'lstrip' must be true or false, but it is missing"},
        {"/added_tokens/3/content", "", "'content' must be a string that is not empty"},
        {"/added_tokens/3/content", 7, "'content' must be a string"},
        {"/added_tokens/3/content", "<s>", "'<s>' is there twice"},
        {"/added_tokens/3/id", -1, "'id' must be an integer from 0 to 16777215"},
        {"/added_tokens/3/id", 1 << 24, "'id' must be an integer from 0 to 16777215"},
        {"/added_tokens/3/id", 1, "id 1 is there twice"},
        {"/added_tokens/3/id", 3, "'<x>' has id 3, which the vocabulary gives 'a'"},
        {"/added_tokens/3/content", "a", "'a' has id 300 there and 3 in the vocabulary"},
        {"/added_tokens/3/special", "no", "'special' must be true or false"},
    });
    json file = small();
    file["added_tokens"][3]["normalized"] = true;
    file["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", "<x>"}}}, {"content", ""}};
    expect_refused(file.dump(), "the normalizer leaves nothing of the added token '<x>'", "normalized to nothing");
}

TEST(TokenizerBadFile, StepsThatAreUnknownAreRefusedByName) {
    const json nfkc = {{"type", "NFKC"}};
    expect_all_refused({
        {"/normalizer", nfkc, "normalizer of type 'NFKC' is not supported"},
        {"/normalizer/normalizers/1", nfkc, "normalizer.normalizers[1] of type 'NFKC' is not supported"},
        {"/pre_tokenizer", {{"type", "Metaspace"}}, "pre_tokenizer of type 'Metaspace' is not supported"},
        {"/post_processor/type", "BertProcessing", "post_processor of type 'BertProcessing' is not supported"},
        {"/decoder", {{"type", "WordPiece"}}, "decoder of type 'WordPiece' is not supported"},
        {"/decoder/decoders/0", {{"type", "CTC"}}, "decoder.decoders[0] of type 'CTC' is not supported"},
        {"/normalizer/normalizers/1/pattern", {{"Regex", " +"}}, "a Regex pattern is not supported"},
    });
    json file = small();
    file["pre_tokenizer"] = {{"type", "Metaspace"}};
    const auto tokenizer = Tokenizer::parse(file.dump(), "tokenizer.json");
    ASSERT_FALSE(tokenizer.ok());
    EXPECT_EQ(tokenizer.error().kind, ErrorKind::kUnsupported);
    EXPECT_TRUE(tokenizer.error().hint.starts_with("supported: null")) << tokenizer.error().hint;
}

json split(const std::string& expression, const std::string& behavior) {
    return {{"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", behavior}, {"invert", false}};
}

TEST(Tokenizer, APatternThatTakesTooLongIsAnError) {
    json file = small();
    file["pre_tokenizer"] = split("(?:a+)+[cd]", "Isolated");
    const auto tokenizer = Tokenizer::parse(file.dump(), "tokenizer.json");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
    EXPECT_EQ(tokenizer->encode("aac", false)->size(), 4u);
    const auto ids = tokenizer->encode(std::string(100, 'a'), false);
    ASSERT_FALSE(ids.ok());
    EXPECT_EQ(ids.error().kind, ErrorKind::kInvalidInput);
    EXPECT_NE(ids.error().message.find("needs too many steps at byte"), std::string::npos) << ids.error().message;
}

TEST(TokenizerBadFile, StepsWithWrongMembers) {
    const json replace = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(300, 'b')}};
    const json no_step = json::object();
    expect_all_refused({
        {"/normalizer", 7, "normalizer must be an object or null"},
        {"/normalizer", no_step, "normalizer: 'type' must be a string"},
        {"/normalizer/normalizers", nullptr, "'normalizers' must be an array"},
        {"/normalizer/normalizers/0", nullptr, "normalizers[0] must be an object"},
        {"/normalizer/normalizers/0/prepend", 1, "'prepend' must be a string"},
        {"/normalizer/normalizers/1/pattern", "x", "'pattern' must be an object"},
        {"/normalizer/normalizers/1/pattern/String", "", "'pattern' must be a string that is not empty"},
        {"/normalizer/normalizers/1/content", nullptr, "'content' must be a string"},
        {"/normalizer", replace, "would make text more than 256 times longer"},
        {"/decoder", json::array(), "decoder must be an object or null"},
        {"/decoder/decoders/3/content", "  ", "'content' must be one character"},
        {"/decoder/decoders/3/content", "", "'content' must be one character"},
        {"/decoder/decoders/3/start", -1, "'start' must be an integer"},
        {"/decoder/decoders/3/stop", nullptr, "'stop' must be an integer"},
        {"/decoder/decoders/0/pattern", {{"String", 5}}, "'String' must be a string"},
        {"/pre_tokenizer", "x", "pre_tokenizer must be an object or null"},
        {"/pre_tokenizer", {{"type", "ByteLevel"}}, "'add_prefix_space' must be true or false, but it is missing"},
        {"/pre_tokenizer", {{"type", "Digits"}}, "'individual_digits' must be true or false"},
        {"/pre_tokenizer", split("(?R)", "Isolated"), "pre_tokenizer.pattern: '(?R)' at byte 0 of the pattern is not"},
        {"/pre_tokenizer", split("(a", "Isolated"), "pre_tokenizer.pattern: the pattern is no regular expression"},
        {"/pre_tokenizer", split("a", "isolated"), "'behavior' must be Removed, Isolated"},
        {"/pre_tokenizer",
         {{"type", "Split"}, {"pattern", {{"String", ""}}}},
         "'pattern' must be a string that is not"},
        {"/pre_tokenizer", {{"type", "Split"}, {"pattern", "a"}}, "'pattern' must be an object"},
        {"/post_processor", {{"type", "Sequence"}}, "'processors' must be an array"},
        {"/post_processor", {{"type", "Sequence"}, {"processors", {7}}}, "processors[0] must be an object"},
        {"/post_processor", true, "post_processor must be an object or null"},
        {"/post_processor/single", "$A", "'single' must be an array"},
        {"/post_processor/single", json::array(), "'single' must be a template with the Sequence A"},
        {"/post_processor/single/0", 7, "single[0]"},
        {"/post_processor/single/0/SpecialToken/id", "<q>", "'<q>' must be an object"},
        {"/post_processor/single/1/Sequence/id", "B", "'id' must be A, once"},
        {"/post_processor/special_tokens/<s>/ids", {-1}, "'ids' must be ids from 0 to"},
        {"/post_processor/special_tokens/<s>/ids", {8}, "post_processor: no token has id 8"},
        {"/post_processor/special_tokens/<s>/ids", Ids(1000, 1), "more than 256 tokens beside the text"},
    });
    json many = {{"type", "Sequence"}, {"decoders", json(std::vector<json>(65, {{"type", "Fuse"}}))}};
    expect_all_refused({{"/decoder", many, "decoder has 65 steps, more than 64"}});
}

}  // namespace
}  // namespace dwubit
