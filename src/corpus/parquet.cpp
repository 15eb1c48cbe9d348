#include "corpus/parquet.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::int64_t kRowsAtOnce = 1024;
constexpr std::size_t kColumnsNamed = 8;   // in a hint
constexpr std::size_t kArrowsWords = 200;  // bytes of Arrow's own message that ours repeats

std::string in_quotes(std::string_view name) {
    return "'" + printable(name) + "'";
}

// What the calls into Arrow give; their exceptions become errors here. `place` names file and row group.
template <class Calls>
auto guarded(const std::string& place, const DocumentLimits& limits, Calls&& calls) -> Result<decltype(calls())> {
    try {
        return calls();
    } catch (const parquet::ParquetStatusException& thrown) {
        if (thrown.status().IsOutOfMemory()) {
            return errorf(ErrorKind::kInvalidInput, "{}: a page or dictionary does not fit into {} bytes of memory",
                          place, limits.parquet_bytes)
                .with_hint("write it with smaller pages, or as .jsonl");
        }
        return errorf(ErrorKind::kInvalidInput, "{}: cannot be read as Parquet ({})", place,
                      printable(thrown.what(), kArrowsWords));
    } catch (const std::bad_alloc&) {
        return errorf(ErrorKind::kOutOfMemory, "{}: no memory to read Parquet", place);
    } catch (const std::exception& thrown) {
        return errorf(ErrorKind::kInvalidInput, "{}: cannot be read as Parquet ({})", place,
                      printable(thrown.what(), kArrowsWords));
    }
}

std::unique_ptr<parquet::ParquetFileReader> open(std::span<const std::byte> bytes, arrow::MemoryPool& pool) {
    parquet::ReaderProperties properties(&pool);
    properties.set_page_checksum_verification(true);
    auto buffer = std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                  static_cast<std::int64_t>(bytes.size()));
    return parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(std::move(buffer)), properties);
}

// As Parquet names it: "String", "List", "INT64".
std::string type_name(const parquet::schema::Node& node) {
    const parquet::LogicalType& logical = *node.logical_type();
    std::string name = "a group of columns";
    if (logical.is_valid() && !logical.is_none()) {
        name = logical.ToString();
    } else if (node.is_primitive()) {
        name = parquet::TypeToString(static_cast<const parquet::schema::PrimitiveNode&>(node).physical_type());
    }
    return node.is_repeated() ? "repeated " + name : name;
}

// At the top level of the schema, one string or null per row
bool has_strings(const parquet::ColumnDescriptor& column) {
    return column.physical_type() == parquet::Type::BYTE_ARRAY && column.logical_type()->is_string() &&
           column.path()->ToDotVector().size() == 1 && column.max_repetition_level() == 0;
}

std::string string_columns(const parquet::SchemaDescriptor& schema) {
    std::vector<std::string> names;
    for (int i = 0; i < schema.num_columns(); ++i) {
        if (has_strings(*schema.Column(i))) names.push_back(in_quotes(schema.Column(i)->name()));
    }
    if (names.empty()) return "the file has no column of strings";
    const bool all = names.size() <= kColumnsNamed;
    names.resize(std::min(names.size(), kColumnsNamed));
    return fmt::format("its columns of strings: {}{}; --field picks one", fmt::join(names, ", "), all ? "" : ", ...");
}

// The number of the column called `field` among those that hold values
Result<int> find_column(const parquet::SchemaDescriptor& schema, const std::string& where, const std::string& field) {
    const parquet::schema::GroupNode& top = *schema.group_node();
    int fields = 0;
    std::string type;
    for (int i = 0; i < top.field_count(); ++i) {
        if (top.field(i)->name() != field) continue;
        ++fields;
        type = type_name(*top.field(i));
    }
    if (fields == 0) {
        return errorf(ErrorKind::kInvalidInput, "{}: there is no column {}", where, in_quotes(field))
            .with_hint(string_columns(schema));
    }
    if (fields > 1)
        return errorf(ErrorKind::kInvalidInput, "{}: {} columns are called {}", where, fields, in_quotes(field));
    for (int i = 0; i < schema.num_columns(); ++i) {
        if (has_strings(*schema.Column(i)) && schema.Column(i)->name() == field) return i;
    }
    return errorf(ErrorKind::kInvalidInput, "{}: column {} is of type {}, not of strings", where, in_quotes(field),
                  printable(type))
        .with_hint(string_columns(schema));
}

// Of one page: `levels` says per row whether there is a value (1) or a null (0), and is unused where the column has no
// nulls; `values` point into the page.
struct Rows {
    std::vector<std::int16_t> levels = std::vector<std::int16_t>(kRowsAtOnce);
    std::vector<parquet::ByteArray> values = std::vector<parquet::ByteArray>(kRowsAtOnce);
    std::int64_t count = 0;
};

void read_rows(parquet::ByteArrayReader& column, Rows& rows) {
    rows.count = 0;
    if (!column.HasNext()) return;
    std::int64_t values = 0;
    rows.count = column.ReadBatch(kRowsAtOnce, rows.levels.data(), nullptr, rows.values.data(), &values);
    const bool nullable = column.descr()->max_definition_level() > 0;
    const auto defined = nullable ? std::count(rows.levels.begin(), rows.levels.begin() + rows.count, 1) : rows.count;
    if (values != defined) throw parquet::ParquetException("a page has less values than rows");
}

struct Visit {
    const std::string& where;
    const std::string& field;
    const DocumentVisitor& each;
    const DocumentLimits& limits;
    std::int64_t row = 0;  // of the file, that was visited last, counted from 1
};

Result<void> visit_rows(const Rows& rows, bool nullable, Visit& visit) {
    const parquet::ByteArray* value = rows.values.data();
    for (std::int64_t i = 0; i < rows.count; ++i) {
        ++visit.row;
        if (nullable && rows.levels[static_cast<std::size_t>(i)] == 0) {
            return errorf(ErrorKind::kInvalidInput, "{}: row {}: {} is null, not a string", visit.where, visit.row,
                          in_quotes(visit.field));
        }
        const std::string_view text(reinterpret_cast<const char*>(value->ptr), value->len);
        if (text.size() > visit.limits.bytes) {
            return errorf(ErrorKind::kInvalidInput, "{}: row {}: the text is longer than {} bytes", visit.where,
                          visit.row, visit.limits.bytes);
        }
        DWUBIT_TRY(visit.each(text));
        ++value;
    }
    return {};
}

Result<void> visit_row_group(parquet::ParquetFileReader& file, int group, int column, Visit& visit) {
    const auto place = [&] { return fmt::format("{}: row group {}", visit.where, group + 1); };
    struct Opened {
        std::int64_t rows;
        std::shared_ptr<parquet::ColumnReader> column;
    };
    DWUBIT_ASSIGN(const Opened opened, guarded(place(), visit.limits, [&] {
                      const auto reader = file.RowGroup(group);
                      return Opened{reader->metadata()->num_rows(), reader->Column(column)};
                  }));
    auto& texts = static_cast<parquet::ByteArrayReader&>(*opened.column);
    const bool nullable = texts.descr()->max_definition_level() > 0;
    std::int64_t done = 0;
    Rows rows;
    while (true) {
        DWUBIT_ASSIGN(const std::int64_t count, guarded(place(), visit.limits, [&] {
                          read_rows(texts, rows);
                          return rows.count;
                      }));
        if (count == 0) break;
        DWUBIT_TRY(visit_rows(rows, nullable, visit));
        done += count;
    }
    if (done == opened.rows) return {};
    return errorf(ErrorKind::kInvalidInput, "{}: {} has {} rows, of {} that the file promises", place(),
                  in_quotes(visit.field), done, opened.rows);
}

}  // namespace

bool reads_parquet() {
    return true;
}

Result<void> read_parquet(std::span<const std::byte> bytes, const std::string& where, const std::string& field,
                          const DocumentVisitor& each, const DocumentLimits& limits) {
    // The pool of the system's malloc: Arrow's default is chosen by an environment variable.
    arrow::CappedMemoryPool pool(arrow::system_memory_pool(), static_cast<std::int64_t>(limits.parquet_bytes));
    DWUBIT_ASSIGN(const auto file, guarded(where, limits, [&] { return open(bytes, pool); }));
    const parquet::FileMetaData& metadata = *file->metadata();
    DWUBIT_ASSIGN(const int column, find_column(*metadata.schema(), where, field));
    Visit visit{where, field, each, limits};
    for (int group = 0; group < metadata.num_row_groups(); ++group) {
        DWUBIT_TRY(visit_row_group(*file, group, column, visit));
    }
    if (visit.row == 0) return errorf(ErrorKind::kInvalidInput, "{} has no document", where);
    return {};
}

}  // namespace dwubit
