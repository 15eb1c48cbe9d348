#include "corpus/parquet.h"

#include <arrow/io/memory.h>
#include <gtest/gtest.h>
#include <parquet/column_writer.h>
#include <parquet/file_writer.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include <optional>

#include "base/sha256.h"
#include "corpus/corpus.h"
#include "json/json.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

using std::string_literals::operator""s;
using Texts = std::vector<std::string>;
using Rows = std::vector<std::optional<std::string>>;
using parquet::LogicalType;
using parquet::Repetition;
using parquet::Type;
using parquet::schema::GroupNode;
using parquet::schema::NodePtr;
using parquet::schema::PrimitiveNode;

struct Layout {
    std::size_t rows_per_group = 1'000'000;
    bool dictionary = false;
    parquet::Compression::type codec = parquet::Compression::UNCOMPRESSED;
    parquet::Encoding::type encoding = parquet::Encoding::PLAIN;
    parquet::ParquetDataPageVersion pages = parquet::ParquetDataPageVersion::V1;
};

NodePtr strings(const std::string& name, Repetition::type repetition = Repetition::OPTIONAL) {
    return PrimitiveNode::Make(name, repetition, LogicalType::String(), Type::BYTE_ARRAY);
}

NodePtr numbers(const std::string& name) {
    return PrimitiveNode::Make(name, Repetition::REQUIRED, Type::INT64);
}

// A struct {inner: string}
NodePtr nested(const std::string& name) {
    return GroupNode::Make(name, Repetition::REQUIRED, {strings("inner", Repetition::REQUIRED)});
}

void write_strings(parquet::ColumnWriter& writer, std::span<const std::optional<std::string>> rows) {
    std::vector<std::int16_t> levels;
    std::vector<parquet::ByteArray> values;
    for (const auto& row : rows) {
        levels.push_back(row ? 1 : 0);
        if (row)
            values.emplace_back(static_cast<std::uint32_t>(row->size()), reinterpret_cast<const uint8_t*>(row->data()));
    }
    auto& column = static_cast<parquet::ByteArrayWriter&>(writer);
    column.WriteBatch(static_cast<std::int64_t>(levels.size()), levels.data(), nullptr, values.data());
}

// The bytes of a file in which every column of strings holds `rows`, and every column of numbers their index.
std::string parquet_bytes(const std::vector<NodePtr>& columns, const Rows& rows, const Layout& layout = {}) {
    parquet::WriterProperties::Builder properties;
    properties.compression(layout.codec)->data_page_version(layout.pages)->enable_page_checksum();
    properties.disable_dictionary()->encoding(layout.encoding);
    if (layout.dictionary) properties.enable_dictionary();
    auto schema = std::static_pointer_cast<GroupNode>(GroupNode::Make("schema", Repetition::REQUIRED, columns));
    auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
    const auto file = parquet::ParquetFileWriter::Open(sink, schema, properties.build());
    for (std::size_t first = 0; first < rows.size(); first += layout.rows_per_group) {
        const std::size_t count = std::min(layout.rows_per_group, rows.size() - first);
        parquet::RowGroupWriter& group = *file->AppendRowGroup();
        for (int i = 0; i < group.num_columns(); ++i) {
            parquet::ColumnWriter& writer = *group.NextColumn();
            if (writer.type() == Type::BYTE_ARRAY) {
                write_strings(writer, std::span(rows).subspan(first, count));
                continue;
            }
            std::vector<std::int64_t> values(count);
            for (std::size_t k = 0; k < count; ++k) values[k] = static_cast<std::int64_t>(first + k);
            static_cast<parquet::Int64Writer&>(writer).WriteBatch(static_cast<std::int64_t>(count), nullptr, nullptr,
                                                                  values.data());
        }
    }
    file->Close();
    return sink->Finish().ValueOrDie()->ToString();
}

struct Read {
    Texts texts;
    Error error{ErrorKind::kInternal, "", {}, ""};
};

Read read(std::string_view bytes, const std::string& field = "text", const DocumentLimits& limits = {}) {
    Read read;
    const auto keep = [&](std::string_view text) {
        read.texts.emplace_back(text);
        return Result<void>();
    };
    const auto result = read_parquet(std::as_bytes(std::span(bytes)), "a.parquet", field, keep, limits);
    if (!result.ok()) read.error = result.error();
    return read;
}

// Texts of all sizes, of which some come again, more than are read at once.
Rows many_rows() {
    const std::string words = "Zażółć gęślą jaźń. Kot ma Alę, a Ala ma \xF0\x9F\x90\x88.\n";
    Rows rows;
    for (std::size_t i = 0; i < 3000; ++i)
        rows.push_back(std::to_string(i % 700) + words.substr(0, i % 5 == 0 ? 0 : 20));
    rows[17] = "";
    rows[2999] = std::string(300'000, 'x');
    return rows;
}

Texts texts(const Rows& rows) {
    Texts all;
    for (const auto& row : rows) all.push_back(*row);
    return all;
}

TEST(Parquet, RowsOfAllRowGroupsAreDocumentsInOrder) {
    const Rows rows = many_rows();
    for (const std::size_t rows_per_group : {std::size_t{1}, std::size_t{700}, std::size_t{3000}}) {
        if (rows_per_group == 1) {
            EXPECT_EQ(read(parquet_bytes({strings("text")}, {"a", "", "b"}, {1})).texts, (Texts{"a", "", "b"}));
            continue;
        }
        const Read found = read(parquet_bytes({numbers("id"), strings("text")}, rows, {rows_per_group}));
        EXPECT_EQ(found.error.message, "");
        EXPECT_TRUE(found.texts == texts(rows)) << rows_per_group;
    }
}

TEST(Parquet, AnyEncodingPageVersionAndCodec) {
    const Rows rows = many_rows();
    std::vector<Layout> layouts;
    for (const auto pages : {parquet::ParquetDataPageVersion::V1, parquet::ParquetDataPageVersion::V2}) {
        for (const auto codec : {parquet::Compression::UNCOMPRESSED, parquet::Compression::SNAPPY,
                                 parquet::Compression::ZSTD, parquet::Compression::GZIP}) {
            layouts.push_back({1000, false, codec, parquet::Encoding::PLAIN, pages});
            layouts.push_back({1000, true, codec, parquet::Encoding::PLAIN, pages});
        }
        for (const auto encoding : {parquet::Encoding::DELTA_LENGTH_BYTE_ARRAY, parquet::Encoding::DELTA_BYTE_ARRAY}) {
            layouts.push_back({1000, false, parquet::Compression::ZSTD, encoding, pages});
        }
    }
    for (const auto repetition : {Repetition::OPTIONAL, Repetition::REQUIRED}) {
        for (const Layout& layout : layouts) {
            const Read found = read(parquet_bytes({strings("text", repetition)}, rows, layout));
            EXPECT_EQ(found.error.message, "");
            EXPECT_TRUE(found.texts == texts(rows)) << layout.dictionary << layout.codec << layout.encoding;
        }
    }
}

TEST(Parquet, TokenStreamEqualsThatOfJsonLines) {
    const Rows rows = many_rows();
    std::string lines;
    for (const auto& row : rows) lines += dump_json(Json{{"body", *row}}) + "\n";
    const dwubit::testing::TempFolder folder;
    const auto jsonl = folder.write("a.jsonl", lines);
    const auto tokenizer = Tokenizer::load("models/orlik/tokenizer.json");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
    const auto want = read_token_stream(jsonl, "body", *tokenizer, {true, 2});
    ASSERT_TRUE(want.ok()) << want.error().message;
    for (const bool dictionary : {false, true}) {
        const auto path =
            folder.write("a.parquet", parquet_bytes({strings("text"), strings("body")}, rows, {700, dictionary}));
        const auto stream = read_token_stream(path, "body", *tokenizer, {true, 2});
        ASSERT_TRUE(stream.ok()) << stream.error().message;
        EXPECT_TRUE(stream->ids == want->ids);
        EXPECT_EQ(stream->documents.size(), rows.size());
        EXPECT_EQ(stream->sha256, *sha256_file(path));
    }
}

TEST(Parquet, IllFormedTextIsPassedOnAsFromATextFile) {
    EXPECT_EQ(read(parquet_bytes({strings("text")}, {"a\0b\xFF"s})).texts, Texts{"a\0b\xFF"s});
}

TEST(Parquet, TheVisitorsErrorEndsTheReading) {
    int calls = 0;
    const std::string bytes = parquet_bytes({strings("text")}, {"a", "b", "c"}, {1});
    const auto result = read_parquet(std::as_bytes(std::span(bytes)), "a.parquet", "text", [&](std::string_view) {
        ++calls;
        return Result<void>(make_error(ErrorKind::kInterrupted, "enough"));
    });
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().message, "enough");
    EXPECT_EQ(calls, 1);
}

TEST(Parquet, ColumnsThatHoldNoStringsAreRefusedWithThoseThatDo) {
    struct Case {
        std::vector<NodePtr> columns;
        std::string message;
        std::string hint;
    };
    const auto binary = PrimitiveNode::Make("text", Repetition::REQUIRED, Type::BYTE_ARRAY);
    const auto repeated = strings("text", Repetition::REPEATED);
    const std::string one = "its columns of strings: 'body'; --field picks one";
    const std::vector<Case> cases = {
        {{strings("body"), strings("title")}, "there is no column 'text'", "'body', 'title'"},
        {{numbers("id")}, "there is no column 'text'", "the file has no column of strings"},
        {{numbers("text"), strings("body")}, "column 'text' is of type INT64, not of strings", one},
        {{binary, strings("body")}, "column 'text' is of type BYTE_ARRAY, not of strings", one},
        {{repeated, strings("body")}, "column 'text' is of type repeated String, not of strings", one},
        {{nested("text"), strings("body")}, "column 'text' is of type a group of columns, not of strings", one},
        {{nested("x"), strings("body")}, "there is no column 'text'", one},
        {{strings("text"), strings("text")}, "2 columns are called 'text'", ""},
    };
    for (const Case& c : cases) {
        const Read found = read(parquet_bytes(c.columns, {}));
        EXPECT_EQ(found.error.kind, ErrorKind::kInvalidInput);
        EXPECT_EQ(found.error.message, "a.parquet: " + c.message);
        EXPECT_NE(found.error.hint.find(c.hint), std::string::npos) << found.error.hint;
    }
    EXPECT_EQ(read(parquet_bytes({nested("x")}, {}), "x.inner").error.message,
              "a.parquet: there is no column 'x.inner'");
}

TEST(Parquet, ANullIsRefusedWithItsRow) {
    const Read found = read(parquet_bytes({strings("text")}, {"a", "b", "c", std::nullopt, "d"}, {2}));
    EXPECT_EQ(found.texts, (Texts{"a", "b", "c"}));
    EXPECT_EQ(found.error.kind, ErrorKind::kInvalidInput);
    EXPECT_EQ(found.error.message, "a.parquet: row 4: 'text' is null, not a string");
}

TEST(Parquet, AFileWithoutRowsHasNoDocument) {
    EXPECT_EQ(read(parquet_bytes({strings("text")}, {})).error.message, "a.parquet has no document");
}

TEST(Parquet, LimitsHoldForTextAndForPages) {
    DocumentLimits limits;
    limits.bytes = 1000;
    const Read text =
        read(parquet_bytes({strings("text")}, {std::string(1000, 'a'), std::string(1001, 'b')}), "text", limits);
    EXPECT_EQ(text.texts.size(), 1u);
    EXPECT_EQ(text.error.message, "a.parquet: row 2: the text is longer than 1000 bytes");

    // 1000 bytes on disk that unpack to 3 MiB
    limits = {};
    limits.parquet_bytes = std::size_t{1} << 20;
    Layout packed;
    packed.codec = parquet::Compression::ZSTD;
    for (const bool dictionary : {false, true}) {
        packed.dictionary = dictionary;
        const std::string bytes = parquet_bytes({strings("text")}, {std::string(3 << 20, 'a')}, packed);
        EXPECT_LT(bytes.size(), 2000u);
        const Read page = read(bytes, "text", limits);
        EXPECT_EQ(page.error.kind, ErrorKind::kInvalidInput);
        EXPECT_EQ(page.error.message,
                  "a.parquet: row group 1: a page or dictionary does not fit into 1048576 bytes of memory");
        EXPECT_EQ(read(bytes).texts.size(), 1u);
    }
}

TEST(Parquet, TruncatedAndForeignFilesAreRefused) {
    const std::string whole = parquet_bytes({strings("text")}, {"Ala", "ma", "kota"}, {2, true});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Read found = read(std::string_view(whole).substr(0, size));
        EXPECT_EQ(found.error.kind, ErrorKind::kInvalidInput) << size;
        EXPECT_NE(found.error.message.find("a.parquet: cannot be read as Parquet ("), std::string::npos) << size;
        EXPECT_LT(found.error.message.size(), 400u);
    }
    EXPECT_NE(read("{\"text\":\"a\"}\n").error.message.find("cannot be read as Parquet"), std::string::npos);
}

// What is damaged gives an error, or texts within the limits: never a crash, never much memory. Page checksums find
// what is damaged in the text itself.
TEST(Parquet, DamagedFilesGiveAnErrorOrTexts) {
    DocumentLimits limits;
    limits.parquet_bytes = std::size_t{1} << 20;
    int refused = 0;
    for (const bool dictionary : {false, true}) {
        const Rows rows = {"Ala", "ma", std::string(40, 'k'), "ma", "kota"};
        const std::string whole = parquet_bytes({strings("text"), numbers("id")}, rows, {2, dictionary});
        for (std::size_t at = 0; at < whole.size(); ++at) {
            for (const int change : {0x01, 0x80, 0xFF}) {
                std::string bytes = whole;
                bytes[at] = static_cast<char>(bytes[at] ^ change);
                const Read found = read(bytes, "text", limits);
                for (const std::string& text : found.texts) EXPECT_LE(text.size(), whole.size());
                EXPECT_EQ(found.error.message.find('\n'), std::string::npos);
                EXPECT_LT(found.error.message.size(), 400u);
                refused += found.error.message.empty() ? 0 : 1;
                EXPECT_TRUE(!found.error.message.empty() || found.texts.size() == rows.size()) << at << " " << change;
            }
        }
    }
    EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace dwubit
