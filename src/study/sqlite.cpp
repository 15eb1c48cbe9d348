#include "study/sqlite.h"

#include "base/error.h"

namespace dwubit {
namespace {

constexpr int kBusyMilliseconds = 10'000;  // a reader of the report may hold the file for a moment

}  // namespace

Result<Sqlite> Sqlite::open(const std::string& path, int flags, std::string name) {
    Sqlite connection;
    connection.name_ = std::move(name);
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_URI, nullptr);
    connection.handle_.reset(handle);
    if (code != SQLITE_OK) return connection.error("cannot open");
    sqlite3_busy_timeout(handle, kBusyMilliseconds);
    return connection;
}

Result<void> Sqlite::run(const char* sql) {
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error("cannot write");
    return {};
}

Result<SqliteStatement> Sqlite::prepare(const char* sql) {
    SqliteStatement statement;
    sqlite3_stmt* handle = nullptr;
    if (sqlite3_prepare_v2(handle_.get(), sql, -1, &handle, nullptr) != SQLITE_OK) return error("cannot read");
    statement.handle_.reset(handle);
    statement.connection_ = this;
    return statement;
}

Result<void> Sqlite::copy_from(const Sqlite& other) {
    sqlite3_backup* const backup = sqlite3_backup_init(handle_.get(), "main", other.handle_.get(), "main");
    if (backup == nullptr) return error("cannot copy");
    constexpr int kAllPages = -1;
    sqlite3_backup_step(backup, kAllPages);
    if (sqlite3_backup_finish(backup) != SQLITE_OK) return other.error("cannot read");
    return {};
}

Error Sqlite::error(std::string_view doing) const {
    const int code = handle_ ? sqlite3_errcode(handle_.get()) & 0xFF : SQLITE_NOMEM;
    const char* const says = handle_ ? sqlite3_errmsg(handle_.get()) : "out of memory";
    ErrorKind kind = ErrorKind::kIo;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR || code == SQLITE_MISMATCH) {
        kind = ErrorKind::kInvalidInput;
    }
    if (code == SQLITE_NOMEM) kind = ErrorKind::kOutOfMemory;
    return errorf(kind, "{} {}: {}", doing, name_, says);
}

SqliteStatement& SqliteStatement::bind(int parameter, std::string_view text) {
    // An empty view may have no address, which SQLite would take for NULL.
    sqlite3_bind_text64(handle_.get(), parameter, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
    return *this;
}

SqliteStatement& SqliteStatement::bind(int parameter, double number) {
    sqlite3_bind_double(handle_.get(), parameter, number);
    return *this;
}

SqliteStatement& SqliteStatement::bind_null(int parameter) {
    sqlite3_bind_null(handle_.get(), parameter);
    return *this;
}

Result<bool> SqliteStatement::step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return connection_->error("cannot write");
}

Result<void> SqliteStatement::finish() {
    for (;;) {
        DWUBIT_ASSIGN(const bool more, step());
        if (!more) return {};
    }
}

std::string SqliteStatement::text(int column) const {
    const auto* const bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

bool SqliteStatement::is_null(int column) const {
    return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

double SqliteStatement::number(int column) const {
    return sqlite3_column_double(handle_.get(), column);
}

}  // namespace dwubit
