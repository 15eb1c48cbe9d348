// read_parquet_rows(): Arrow's tables of a row group, row by row as JSON.
#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/chunked_array.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "corpus/parquet.h"

namespace dwubit {
namespace {

constexpr std::size_t kArrowsWords = 200;  // bytes of Arrow's own message that ours repeats
constexpr int kMaxTypeDepth = 32;

using arrow::Type;

bool is_supported(const arrow::DataType& type, int depth = 0) {
    if (depth > kMaxTypeDepth) return false;
    switch (type.id()) {
        case Type::NA:
        case Type::BOOL:
        case Type::INT8:
        case Type::INT16:
        case Type::INT32:
        case Type::INT64:
        case Type::UINT8:
        case Type::UINT16:
        case Type::UINT32:
        case Type::UINT64:
        case Type::FLOAT:
        case Type::DOUBLE:
        case Type::STRING:
        case Type::LARGE_STRING:
            return true;
        case Type::LIST:
        case Type::LARGE_LIST:
        case Type::FIXED_SIZE_LIST:
        case Type::STRUCT:
            for (const auto& field : type.fields()) {
                if (!is_supported(*field->type(), depth + 1)) return false;
            }
            return true;
        case Type::DICTIONARY:
            return is_supported(*static_cast<const arrow::DictionaryType&>(type).value_type(), depth + 1);
        default:
            return false;
    }
}

OrderedJson value_at(const arrow::Array& array, std::int64_t row);

template <class ArrayType>
OrderedJson number_at(const arrow::Array& array, std::int64_t row) {
    return static_cast<const ArrayType&>(array).Value(row);
}

template <class ArrayType>
OrderedJson text_at(const arrow::Array& array, std::int64_t row) {
    const auto view = static_cast<const ArrayType&>(array).GetView(row);
    return replace_invalid_utf8({view.data(), view.size()});
}

template <class ArrayType>
OrderedJson list_at(const arrow::Array& array, std::int64_t row) {
    const auto& list = static_cast<const ArrayType&>(array);
    OrderedJson items = OrderedJson::array();
    const std::int64_t first = list.value_offset(row);
    for (std::int64_t i = 0; i < list.value_length(row); ++i) items.push_back(value_at(*list.values(), first + i));
    return items;
}

OrderedJson struct_at(const arrow::Array& array, std::int64_t row) {
    const auto& record = static_cast<const arrow::StructArray&>(array);
    OrderedJson members = OrderedJson::object();
    for (int i = 0; i < record.num_fields(); ++i) {
        members[record.struct_type()->field(i)->name()] = value_at(*record.field(i), row);
    }
    return members;
}

OrderedJson value_at(const arrow::Array& array, std::int64_t row) {
    if (array.IsNull(row)) return nullptr;
    switch (array.type_id()) {
        case Type::BOOL:
            return number_at<arrow::BooleanArray>(array, row);
        case Type::INT8:
            return number_at<arrow::Int8Array>(array, row);
        case Type::INT16:
            return number_at<arrow::Int16Array>(array, row);
        case Type::INT32:
            return number_at<arrow::Int32Array>(array, row);
        case Type::INT64:
            return number_at<arrow::Int64Array>(array, row);
        case Type::UINT8:
            return number_at<arrow::UInt8Array>(array, row);
        case Type::UINT16:
            return number_at<arrow::UInt16Array>(array, row);
        case Type::UINT32:
            return number_at<arrow::UInt32Array>(array, row);
        case Type::UINT64:
            return number_at<arrow::UInt64Array>(array, row);
        case Type::FLOAT:
            return number_at<arrow::FloatArray>(array, row);
        case Type::DOUBLE:
            return number_at<arrow::DoubleArray>(array, row);
        case Type::STRING:
            return text_at<arrow::StringArray>(array, row);
        case Type::LARGE_STRING:
            return text_at<arrow::LargeStringArray>(array, row);
        case Type::LIST:
            return list_at<arrow::ListArray>(array, row);
        case Type::LARGE_LIST:
            return list_at<arrow::LargeListArray>(array, row);
        case Type::FIXED_SIZE_LIST:
            return list_at<arrow::FixedSizeListArray>(array, row);
        case Type::STRUCT:
            return struct_at(array, row);
        case Type::DICTIONARY: {
            const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
            return value_at(*coded.dictionary(), coded.GetValueIndex(row));
        }
        default:
            return nullptr;
    }
}

// Arrow 24 warns of the older of the two functions, which is the only one before.
template <class Reader>
std::shared_ptr<arrow::Table> read_row_group(Reader& reader, int group) {
    std::shared_ptr<arrow::Table> table;
    if constexpr (requires { reader.ReadRowGroup(group); }) {
        PARQUET_ASSIGN_OR_THROW(table, reader.ReadRowGroup(group));
    } else {
        PARQUET_THROW_NOT_OK(reader.ReadRowGroup(group, &table));
    }
    return table;
}

class RowFile {
public:
    RowFile(std::span<const std::byte> bytes, const DocumentLimits& limits)
        : pool_(arrow::system_memory_pool(), static_cast<std::int64_t>(limits.parquet_bytes)) {
        parquet::ReaderProperties properties(&pool_);
        properties.set_page_checksum_verification(true);
        auto buffer = std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                      static_cast<std::int64_t>(bytes.size()));
        parquet::arrow::FileReaderBuilder builder;
        PARQUET_THROW_NOT_OK(builder.Open(std::make_shared<arrow::io::BufferReader>(std::move(buffer)), properties));
        PARQUET_ASSIGN_OR_THROW(reader_, builder.memory_pool(&pool_)->Build());
        reader_->set_use_threads(false);
        PARQUET_THROW_NOT_OK(reader_->GetSchema(&schema_));
    }

    int row_groups() const { return reader_->num_row_groups(); }
    const arrow::Schema& schema() const { return *schema_; }

    std::shared_ptr<arrow::Table> read(int group) {
        std::shared_ptr<arrow::Table> table = read_row_group(*reader_, group);
        // Offsets and lengths come from the file.
        PARQUET_THROW_NOT_OK(table->ValidateFull());
        return table;
    }

private:
    arrow::CappedMemoryPool pool_;
    std::unique_ptr<parquet::arrow::FileReader> reader_;
    std::shared_ptr<arrow::Schema> schema_;
};

// Where a row of a column cut into chunks lies; rows are asked for in order.
struct Cursor {
    const arrow::ChunkedArray* column = nullptr;
    std::string name;
    int chunk = 0;
    std::int64_t row = 0;

    OrderedJson next() {
        while (row == column->chunk(chunk)->length()) {
            ++chunk;
            row = 0;
        }
        return value_at(*column->chunk(chunk), row++);
    }
};

Result<std::vector<int>> columns_to_read(const arrow::Schema& schema, const std::string& where) {
    std::vector<int> columns;
    std::string left_out;
    for (int i = 0; i < schema.num_fields(); ++i) {
        const arrow::Field& field = *schema.field(i);
        if (schema.GetAllFieldIndices(field.name()).size() > 1) {
            return errorf(ErrorKind::kInvalidInput, "{}: two columns are called '{}'", where, printable(field.name()));
        }
        if (is_supported(*field.type())) {
            columns.push_back(i);
        } else {
            left_out += fmt::format("{}'{}' ({})", left_out.empty() ? "" : ", ", printable(field.name(), 40),
                                    printable(field.type()->ToString(), 40));
        }
    }
    if (!left_out.empty()) {
        log_warning(
            fmt::format("{}: columns of types that are not read are left out: {}", where, printable(left_out, 400)));
    }
    return columns;
}

Result<std::int64_t> visit_table(const arrow::Table& table, const std::vector<int>& columns, const RowVisitor& each) {
    std::vector<Cursor> cursors;
    for (const int i : columns) cursors.push_back({table.column(i).get(), table.schema()->field(i)->name(), 0, 0});
    for (std::int64_t row = 0; row < table.num_rows(); ++row) {
        OrderedJson object = OrderedJson::object();
        auto& members = object.get_ref<OrderedJson::object_t&>();
        for (Cursor& cursor : cursors) members.emplace_back(cursor.name, cursor.next());
        DWUBIT_TRY(each(std::move(object)));
    }
    return table.num_rows();
}

Result<void> visit_file(std::span<const std::byte> bytes, const std::string& where, const RowVisitor& each,
                        const DocumentLimits& limits) {
    RowFile file(bytes, limits);
    DWUBIT_ASSIGN(const std::vector<int> columns, columns_to_read(file.schema(), where));
    std::int64_t rows = 0;
    for (int group = 0; group < file.row_groups(); ++group) {
        const auto table = file.read(group);
        DWUBIT_ASSIGN(const std::int64_t count, visit_table(*table, columns, each));
        rows += count;
    }
    if (rows == 0) return errorf(ErrorKind::kInvalidInput, "{} has no document", where);
    return {};
}

}  // namespace

Result<void> read_parquet_rows(std::span<const std::byte> bytes, const std::string& where, const RowVisitor& each,
                               const DocumentLimits& limits) {
    try {
        return visit_file(bytes, where, each, limits);
    } catch (const std::bad_alloc&) {
        return errorf(ErrorKind::kOutOfMemory, "{}: no memory to read Parquet", where);
    } catch (const std::exception& thrown) {
        return errorf(ErrorKind::kInvalidInput, "{}: cannot be read as Parquet ({})", where,
                      printable(thrown.what(), kArrowsWords));
    }
}

}  // namespace dwubit
