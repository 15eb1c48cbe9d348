#include "tasks/document_files.h"

#include <map>
#include <memory>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "corpus/byte_source.h"
#include "corpus/documents.h"
#include "corpus/parquet.h"
#include "tasks/csv.h"

namespace dwubit {
namespace {

constexpr std::size_t kBufferBytes = 1 << 18;

Error too_large(const std::string& where, std::size_t limit) {
    return errorf(ErrorKind::kInvalidInput, "{} has more than {} bytes of text", where, limit)
        .with_hint("split it, or keep only the documents that the task needs");
}

Result<std::string> whole_text(ByteSource& source, const std::string& where, std::size_t limit) {
    std::string text;
    std::vector<char> buffer(kBufferBytes);
    while (true) {
        auto count = source.read(buffer);
        if (!count.ok()) {
            count.error().message = where + ": " + count.error().message;
            return std::move(count).error();
        }
        if (*count == 0) return text;
        if (*count > limit - text.size()) return too_large(where, limit);
        text.append(buffer.data(), *count);
    }
}

Result<void> read_lines(ByteSource& source, const std::string& where, const DocumentFileLimits& limits,
                        std::vector<OrderedJson>& documents) {
    // What a document takes in memory is a multiple of its text; the compressed file says nothing of either.
    std::size_t bytes = 0;
    return read_json_objects(source, where, [&](OrderedJson object, const std::string&) -> Result<void> {
        bytes += object.size() * 16;
        for (const auto& [key, value] : object.items()) {
            bytes += key.size() + (value.is_string() ? value.get_ref<const std::string&>().size() : 8);
        }
        if (bytes > limits.bytes) return too_large(where, limits.bytes);
        documents.push_back(std::move(object));
        return {};
    });
}

Result<void> read_json_list(const std::string& text, const std::string& where, const std::string& field,
                            std::vector<OrderedJson>& documents) {
    auto parsed = parse_ordered_json(text);
    if (!parsed.ok()) {
        parsed.error().message = where + ": " + parsed.error().message;
        return std::move(parsed).error();
    }
    const OrderedJson* list = &*parsed;
    if (!field.empty()) {
        if (!parsed->is_object() || !parsed->contains(field)) {
            return errorf(ErrorKind::kInvalidInput, "{} has no field '{}'", where, printable(field));
        }
        list = &parsed->at(field);
    }
    if (!list->is_array()) return errorf(ErrorKind::kInvalidInput, "{} must hold a list of objects", where);
    for (const OrderedJson& item : *list) {
        if (!item.is_object()) return errorf(ErrorKind::kInvalidInput, "{} must hold a list of objects", where);
        documents.push_back(item);
    }
    if (list->empty()) return errorf(ErrorKind::kInvalidInput, "{} has no document", where);
    return {};
}

// .json is what its first character says.
Result<void> read_json(ByteSource& source, std::span<const std::byte> bytes, const std::string& where,
                       const std::string& field, const DocumentFileLimits& limits,
                       std::vector<OrderedJson>& documents) {
    DWUBIT_ASSIGN(const std::string text, whole_text(source, where, limits.bytes));
    const auto first = text.find_first_not_of(" \t\r\n");
    if (!field.empty() || (first != std::string::npos && text[first] == '[')) {
        return read_json_list(text, where, field, documents);
    }
    DWUBIT_ASSIGN(const auto again, open_byte_source(bytes, Compression::kNone));
    return read_lines(*again, where, limits, documents);
}

bool take_suffix(std::string& name, std::string_view suffix) {
    if (!name.ends_with(suffix)) return false;
    name.resize(name.size() - suffix.size());
    return true;
}

struct NumberColumn {
    bool fractions = false;
    std::map<std::string, NumberColumn> members;
    std::unique_ptr<NumberColumn> elements;
};

void collect(const OrderedJson& value, NumberColumn& column) {
    if (value.is_number_float()) {
        column.fractions = true;
    } else if (value.is_object()) {
        for (const auto& [key, member] : value.items()) {
            if (member.is_number() || member.is_structured()) collect(member, column.members[key]);
        }
    } else if (value.is_array()) {
        if (!column.elements) column.elements = std::make_unique<NumberColumn>();
        for (const OrderedJson& element : value) collect(element, *column.elements);
    }
}

void make_fractions(OrderedJson& value, const NumberColumn& column) {
    if (value.is_number_integer() && column.fractions) {
        value = value.get<double>();
    } else if (value.is_object()) {
        for (auto& [key, member] : value.items()) {
            const auto found = column.members.find(key);
            if (found != column.members.end()) make_fractions(member, found->second);
        }
    } else if (value.is_array() && column.elements) {
        for (OrderedJson& element : value) make_fractions(element, *column.elements);
    }
}

}  // namespace

Result<void> read_document_file(const std::filesystem::path& path, const std::string& field,
                                std::vector<OrderedJson>& documents, std::vector<std::string>& files,
                                const DocumentFileLimits& limits) {
    const std::string where = path.string();
    DWUBIT_ASSIGN(const MappedFile file, MappedFile::open(path));
    files.push_back(fmt::format("{}  {}", sha256_hex(file.bytes()), where));

    std::string name = path.filename().string();
    Compression compression = Compression::kNone;
    if (take_suffix(name, ".gz")) compression = Compression::kGzip;
    if (compression == Compression::kNone && take_suffix(name, ".zst")) compression = Compression::kZstd;
    if (compression == Compression::kNone && take_suffix(name, ".parquet")) {
        return read_parquet_rows(file.bytes(), where, [&](OrderedJson row) -> Result<void> {
            documents.push_back(std::move(row));
            return {};
        });
    }
    DWUBIT_ASSIGN(const auto source, open_byte_source(file.bytes(), compression));
    if (take_suffix(name, ".jsonl")) return read_lines(*source, where, limits, documents);
    if (compression == Compression::kNone && take_suffix(name, ".json")) {
        return read_json(*source, file.bytes(), where, field, limits, documents);
    }
    if (compression == Compression::kNone && take_suffix(name, ".csv")) {
        DWUBIT_ASSIGN(const std::string text, whole_text(*source, where, limits.bytes));
        DWUBIT_ASSIGN(std::vector<OrderedJson> rows, parse_csv(text, where));
        documents.insert(documents.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
        return {};
    }
    return errorf(ErrorKind::kUnsupported, "{}: no kind of dataset file that this build reads", where)
        .with_hint(
            fmt::format("supported: .jsonl, also .gz or .zst; .json; .csv{}", reads_parquet() ? "; .parquet" : ""));
}

void unify_numbers(std::vector<OrderedJson>& documents) {
    NumberColumn columns;
    for (const OrderedJson& document : documents) collect(document, columns);
    for (OrderedJson& document : documents) make_fractions(document, columns);
}

}  // namespace dwubit
