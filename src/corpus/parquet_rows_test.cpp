#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/memory.h>
#include <arrow/table.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "corpus/parquet.h"

namespace dwubit {
namespace {

using Arrays = std::vector<std::shared_ptr<arrow::Array>>;

template <class Builder, class Value>
std::shared_ptr<arrow::Array> column(const std::vector<Value>& values, bool null_last, Builder builder = Builder()) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        const bool null = null_last && i + 1 == values.size();
        EXPECT_TRUE((null ? builder.AppendNull() : builder.Append(values[i])).ok());
    }
    return builder.Finish().ValueOrDie();
}

// [["a0"], [], null]
std::shared_ptr<arrow::Array> lists() {
    auto texts = std::make_shared<arrow::StringBuilder>();
    arrow::ListBuilder builder(arrow::default_memory_pool(), texts);
    EXPECT_TRUE(builder.Append().ok() && texts->Append("a0").ok() && texts->Append("a1").ok());
    EXPECT_TRUE(builder.Append().ok() && builder.AppendNull().ok());
    return builder.Finish().ValueOrDie();
}

std::string parquet_bytes(const std::vector<std::string>& names, const Arrays& arrays, std::int64_t rows_per_group) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (std::size_t i = 0; i < names.size(); ++i) fields.push_back(arrow::field(names[i], arrays[i]->type()));
    const auto table = arrow::Table::Make(arrow::schema(fields), arrays);
    const auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
    const auto written = parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink, rows_per_group,
                                                    parquet::default_writer_properties(),
                                                    parquet::ArrowWriterProperties::Builder().store_schema()->build());
    EXPECT_TRUE(written.ok()) << written.ToString();
    return sink->Finish().ValueOrDie()->ToString();
}

std::string every_type(std::int64_t rows_per_group) {
    const auto texts = column<arrow::StringBuilder, std::string>({"ż", "", "x"}, true);
    const auto numbers = column<arrow::Int32Builder, int>({1, -2, 3}, false);
    const auto coded = column<arrow::StringDictionaryBuilder, std::string>({"p", "q", "p"}, false);
    const auto record =
        arrow::StructArray::Make(Arrays{numbers, texts}, std::vector<std::string>{"n", "t"}).ValueOrDie();
    return parquet_bytes(
        {"z", "a", "b", "f", "u", "list", "record", "coded"},
        {texts, numbers, column<arrow::BooleanBuilder, bool>({true, false, true}, true),
         column<arrow::DoubleBuilder, double>({0.5, 1, -2}, false),
         column<arrow::UInt64Builder, std::uint64_t>({0, 18446744073709551615ULL, 7}, false), lists(), record, coded},
        rows_per_group);
}

Result<std::string> rows_of(std::string_view bytes) {
    OrderedJson rows = OrderedJson::array();
    DWUBIT_TRY(read_parquet_rows(std::as_bytes(std::span(bytes)), "x.parquet", [&](OrderedJson row) -> Result<void> {
        rows.push_back(std::move(row));
        return {};
    }));
    return rows.dump();
}

TEST(ParquetRows, EveryTypeInAnyRowGroups) {
    const std::string expected =
        R"([{"z":"ż","a":1,"b":true,"f":0.5,"u":0,"list":["a0","a1"],"record":{"n":1,"t":"ż"},"coded":"p"},)"
        R"({"z":"","a":-2,"b":false,"f":1.0,"u":18446744073709551615,"list":[],"record":{"n":-2,"t":""},"coded":"q"},)"
        R"({"z":null,"a":3,"b":null,"f":-2.0,"u":7,"list":null,"record":{"n":3,"t":null},"coded":"p"}])";
    for (const std::int64_t rows_per_group : {1, 2, 3}) {
        const auto rows = rows_of(every_type(rows_per_group));
        ASSERT_TRUE(rows.ok()) << rows.error().message;
        EXPECT_EQ(*rows, expected) << rows_per_group;
    }
}

TEST(ParquetRows, OtherTypesAreLeftOutWithAWarning) {
    std::vector<std::string> lines;
    auto before = set_log_sink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
    const auto numbers = column<arrow::Int32Builder, int>({1, 2}, false);
    const auto rows = rows_of(
        parquet_bytes({"n", "image"}, {numbers, column<arrow::BinaryBuilder, std::string>({"\xFF", "x"}, false)}, 2));
    set_log_sink(std::move(before));
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    EXPECT_EQ(*rows, R"([{"n":1},{"n":2}])");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_NE(lines[0].find("'image' (binary)"), std::string::npos) << lines[0];
}

TEST(ParquetRows, DamageIsAnError) {
    const std::string good = every_type(2);
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bytes = good;
        bytes[i] = static_cast<char>(bytes[i] ^ 0x55);
        const auto rows = rows_of(bytes);
        if (!rows.ok()) {
            EXPECT_NE(rows.error().message.find("x.parquet"), std::string::npos) << rows.error().message;
        }
    }
    for (std::size_t length = 0; length < good.size(); length += 7) EXPECT_FALSE(rows_of(good.substr(0, length)).ok());
    EXPECT_FALSE(rows_of(parquet_bytes({"n"}, {column<arrow::Int32Builder, int>({}, false)}, 1)).ok());
    const auto twice = column<arrow::Int32Builder, int>({1}, false);
    EXPECT_NE(rows_of(parquet_bytes({"n", "n"}, {twice, twice}, 1)).error().message.find("two columns"),
              std::string::npos);
}

}  // namespace
}  // namespace dwubit
