// SQLite behind Result: a connection, and statements that are prepared, bound and stepped.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dwubit/result.h"

namespace dwubit {

class SqliteStatement;

class Sqlite {
public:
    // `path` as sqlite3_open_v2 takes it with SQLITE_OPEN_URI; `name` is for messages.
    static Result<Sqlite> open(const std::string& path, int flags, std::string name);

    // One or more statements without results.
    Result<void> run(const char* sql);
    Result<SqliteStatement> prepare(const char* sql);
    // Everything of `other` in place of what is here.
    Result<void> copy_from(const Sqlite& other);
    // What the last failed call says: Io for full disks and refused writes, InvalidInput for a damaged file.
    Error error(std::string_view doing) const;

private:
    struct Close {
        void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    };
    std::unique_ptr<sqlite3, Close> handle_;
    std::string name_;
};

// The connection must outlive it.
class SqliteStatement {
public:
    // Parameters count from 1. Texts are copied.
    SqliteStatement& bind(int parameter, std::string_view text);
    SqliteStatement& bind(int parameter, double number);
    SqliteStatement& bind_null(int parameter);

    // True: there is a row. False: done.
    Result<bool> step();
    // step() to the end.
    Result<void> finish();

    // Of the row; columns count from 0.
    std::string text(int column) const;  // NULL: empty
    bool is_null(int column) const;
    double number(int column) const;

private:
    friend class Sqlite;
    struct Finalize {
        void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
    const Sqlite* connection_ = nullptr;
};

}  // namespace dwubit
