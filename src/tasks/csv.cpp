#include "tasks/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::size_t kMaxColumns = 10'000;

struct Row {
    std::size_t line = 1;  // where it starts
    std::vector<std::string> cells;
};

class RowReader {
public:
    RowReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

    // false at the end.
    Result<bool> next(Row& row) {
        while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) end_line();
        if (at_ == text_.size()) return false;
        row.line = line_;
        row.cells.clear();
        while (true) {
            if (row.cells.size() == kMaxColumns) {
                return errorf(ErrorKind::kInvalidInput, "{}:{}: more than {} columns", where_, row.line, kMaxColumns);
            }
            DWUBIT_TRY(read_cell(row.cells.emplace_back()));
            if (at_ == text_.size() || text_[at_] != ',') break;
            ++at_;
        }
        if (at_ < text_.size()) end_line();
        return true;
    }

private:
    bool at_line_end() const { return at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '\r'; }

    // "\n", "\r\n" or "\r"
    void end_line() {
        if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
        ++at_;
        ++line_;
    }

    Result<void> read_cell(std::string& cell) {
        if (at_ < text_.size() && text_[at_] == '"') DWUBIT_TRY(read_quoted(cell));
        while (!at_line_end() && text_[at_] != ',') cell += text_[at_++];
        return {};
    }

    Result<void> read_quoted(std::string& cell) {
        const std::size_t start = line_;
        for (++at_; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '\n') ++line_;
            if (c != '"') {
                cell += c;
            } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
                cell += text_[at_++];
            } else {
                ++at_;
                return {};
            }
        }
        return errorf(ErrorKind::kInvalidInput, "{}:{}: a quoted value without its end", where_, start);
    }

    std::string_view text_;
    const std::string& where_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
};

bool is_missing(std::string_view cell) {
    static constexpr std::array<std::string_view, 19> kMissing = {
        "",     "#N/A", "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
        "<NA>", "N/A",  "NA",       "NULL", "NaN",     "None",     "n/a",  "nan",  "null"};
    return std::find(kMissing.begin(), kMissing.end(), cell) != kMissing.end();
}

std::string_view without_blanks(std::string_view cell) {
    const auto first = cell.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    cell.remove_prefix(first);
    return cell.substr(0, cell.find_last_not_of(' ') + 1);
}

template <class T>
std::optional<T> number_in(std::string_view cell) {
    cell = without_blanks(cell);
    if (cell.starts_with('+')) cell.remove_prefix(1);
    T value{};
    const auto [end, status] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (status != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
    return value;
}

std::optional<bool> boolean_in(std::string_view cell) {
    if (cell == "True" || cell == "TRUE" || cell == "true") return true;
    if (cell == "False" || cell == "FALSE" || cell == "false") return false;
    return std::nullopt;
}

enum class ColumnType { kText, kInteger, kNumber, kBoolean };

ColumnType type_of(const std::vector<Row>& rows, std::size_t column) {
    bool missing = false;
    bool integers = true;
    bool numbers = true;
    bool booleans = true;
    bool any = false;
    for (const Row& row : rows) {
        if (column >= row.cells.size() || is_missing(row.cells[column])) {
            missing = true;
            continue;
        }
        any = true;
        const std::string& cell = row.cells[column];
        integers = integers && number_in<std::int64_t>(cell);
        numbers = numbers && number_in<double>(cell);
        booleans = booleans && boolean_in(cell);
    }
    if (!any) return ColumnType::kText;
    if (integers && !missing) return ColumnType::kInteger;
    if (numbers) return ColumnType::kNumber;
    return booleans ? ColumnType::kBoolean : ColumnType::kText;
}

OrderedJson value_of(const std::string& cell, ColumnType type) {
    if (is_missing(cell)) return nullptr;
    switch (type) {
        case ColumnType::kInteger:
            return *number_in<std::int64_t>(cell);
        case ColumnType::kNumber:
            return *number_in<double>(cell);
        case ColumnType::kBoolean:
            return *boolean_in(cell);
        case ColumnType::kText:
            break;
    }
    return cell;
}

}  // namespace

Result<std::vector<OrderedJson>> parse_csv(std::string_view text, const std::string& where) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (const auto bad = find_invalid_utf8(text)) {
        return errorf(ErrorKind::kInvalidInput, "{}: ill-formed UTF-8 at byte {}", where, *bad);
    }
    RowReader reader(text, where);
    Row header;
    DWUBIT_ASSIGN(const bool has_header, reader.next(header));
    if (!has_header) return errorf(ErrorKind::kInvalidInput, "{} has no document", where);
    std::set<std::string> names;
    for (const std::string& name : header.cells) {
        if (names.insert(name).second) continue;
        return errorf(ErrorKind::kInvalidInput, "{}:{}: two columns are called '{}'", where, header.line,
                      printable(name));
    }
    std::vector<Row> rows;
    while (true) {
        Row row;
        DWUBIT_ASSIGN(const bool more, reader.next(row));
        if (!more) break;
        if (row.cells.size() > header.cells.size()) {
            return errorf(ErrorKind::kInvalidInput, "{}:{}: {} values in {} columns", where, row.line, row.cells.size(),
                          header.cells.size());
        }
        rows.push_back(std::move(row));
    }
    if (rows.empty()) return errorf(ErrorKind::kInvalidInput, "{} has no document", where);

    std::vector<OrderedJson> documents(rows.size(), OrderedJson::object());
    for (std::size_t column = 0; column < header.cells.size(); ++column) {
        const ColumnType type = type_of(rows, column);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto& cells = rows[i].cells;
            // Pushed, not assigned: the header has no name twice, and a look-up reads all members.
            auto& members = documents[i].get_ref<OrderedJson::object_t&>();
            members.emplace_back(header.cells[column],
                                 column < cells.size() ? value_of(cells[column], type) : OrderedJson());
        }
    }
    return documents;
}

}  // namespace dwubit
