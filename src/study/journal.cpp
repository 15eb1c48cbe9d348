#include "study/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "study/sqlite.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr int kSchemaVersion = 1;
constexpr std::chrono::milliseconds kLockPause(100);
constexpr const char* kLockFile = ".study.lock";
constexpr const char* kSchema = R"(
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hashes (subject TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS steps (
        id TEXT PRIMARY KEY,
        key TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
        outputs TEXT,
        seconds REAL NOT NULL,
        finished TEXT NOT NULL,
        environment TEXT,
        failed TEXT
    ) WITHOUT ROWID;
    PRAGMA user_version = 1;
    COMMIT;)";

constexpr std::array<std::pair<StepState, std::string_view>, 3> kStates = {
    {{StepState::kRunning, "running"}, {StepState::kDone, "done"}, {StepState::kFailed, "failed"}}};

std::string_view name_of(StepState state) {
    for (const auto& [value, name] : kStates) {
        if (value == state) return name;
    }
    return "running";
}

Result<StepState> state_named(std::string_view text) {
    for (const auto& [value, name] : kStates) {
        if (name == text) return value;
    }
    return errorf(ErrorKind::kInvalidInput, "{}: a step is in state '{}'", kJournalFile, printable(text));
}

Result<Json> json_of(const std::string& text) {
    if (text.empty()) return Json();
    return parse_json(text).context(std::string(kJournalFile));
}

class FileLock {
public:
    explicit FileLock(int fd) : fd_(fd) {}
    ~FileLock() { ::close(fd_); }
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

private:
    int fd_;
};

Error locked_error(const fs::path& folder, const fs::path& file) {
    const auto holder = read_file(file, 100);
    return errorf(ErrorKind::kUsage, "another process{} is running the study at {}",
                  holder.ok() && !holder->empty() ? fmt::format(" ({})", printable(*holder)) : "", folder.string())
        .with_hint("wait for it (--wait does), or choose another folder with -o");
}

}  // namespace

struct Journal::Impl {
    Sqlite database;
};

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::Journal(Journal&&) noexcept = default;
Journal& Journal::operator=(Journal&&) noexcept = default;
Journal::~Journal() = default;

namespace {

// 0: a new file.
Result<int> schema_version(Sqlite& database) {
    DWUBIT_ASSIGN(auto statement, database.prepare("PRAGMA user_version"));
    DWUBIT_ASSIGN(const bool row, statement.step());
    return row ? static_cast<int>(statement.number(0)) : 0;
}

Result<void> check_version(Sqlite& database, const fs::path& file) {
    DWUBIT_ASSIGN(const int found, schema_version(database));
    if (found <= kSchemaVersion) return {};
    return errorf(ErrorKind::kUnsupported, "{} is of version {}, this build knows {}", file.string(), found,
                  kSchemaVersion)
        .with_hint("use the dwubit that made it, or another folder with -o");
}

}  // namespace

Result<Journal> Journal::open(const fs::path& folder) {
    const fs::path file = folder / kJournalFile;
    DWUBIT_ASSIGN(Sqlite database,
                  Sqlite::open(file.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, file.string()));
    DWUBIT_TRY(check_version(database, file));
    DWUBIT_TRY(database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
    DWUBIT_TRY(database.run(kSchema));
    return Journal(std::make_unique<Impl>(Impl{std::move(database)}));
}

Result<Journal> Journal::read(const fs::path& folder) {
    const fs::path file = folder / kJournalFile;
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
        return errorf(ErrorKind::kNotFound, "{} is not there: {} is no study's folder", file.string(), folder.string())
            .with_hint("dwubit study FILE.toml -o DIR makes one");
    }
    auto opened = Sqlite::open(file.string(), SQLITE_OPEN_READONLY, file.string());
    if (!opened.ok()) return std::move(opened).error();
    // A folder that cannot be written to has no place for the shared memory of the write-ahead log.
    if (!schema_version(*opened).ok()) {
        opened =
            Sqlite::open("file:" + fs::absolute(file).string() + "?immutable=1", SQLITE_OPEN_READONLY, file.string());
        if (!opened.ok()) return std::move(opened).error();
    }
    DWUBIT_TRY(check_version(*opened, file));
    return Journal(std::make_unique<Impl>(Impl{std::move(*opened)}));
}

Result<Journal> Journal::none() {
    DWUBIT_ASSIGN(Sqlite database,
                  Sqlite::open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "the journal in memory"));
    DWUBIT_TRY(database.run(kSchema));
    return Journal(std::make_unique<Impl>(Impl{std::move(database)}));
}

Result<Journal> Journal::copy(const fs::path& folder) {
    DWUBIT_ASSIGN(Journal from, read(folder));
    DWUBIT_ASSIGN(Journal to, none());
    DWUBIT_TRY(to.impl_->database.copy_from(from.impl_->database));
    return to;
}

Result<std::optional<std::string>> Journal::note(std::string_view name) {
    DWUBIT_ASSIGN(auto statement, impl_->database.prepare("SELECT value FROM notes WHERE name = ?"));
    DWUBIT_ASSIGN(const bool row, statement.bind(1, name).step());
    return row ? std::optional(statement.text(0)) : std::nullopt;
}

Result<void> Journal::set_note(std::string_view name, std::string_view value) {
    DWUBIT_ASSIGN(auto statement, impl_->database.prepare("INSERT OR REPLACE INTO notes VALUES (?, ?)"));
    return statement.bind(1, name).bind(2, value).finish();
}

Result<std::map<std::string, StepRecord>> Journal::steps() {
    std::map<std::string, StepRecord> found;
    DWUBIT_ASSIGN(auto statement, impl_->database.prepare("SELECT id, key, state, outputs, seconds, finished, "
                                                          "environment, failed FROM steps"));
    for (;;) {
        DWUBIT_ASSIGN(const bool row, statement.step());
        if (!row) return found;
        StepRecord record{.id = statement.text(0), .key = statement.text(1)};
        DWUBIT_ASSIGN(record.state, state_named(statement.text(2)));
        DWUBIT_ASSIGN(record.outputs, json_of(statement.text(3)));
        record.seconds = statement.number(4);
        record.finished = statement.text(5);
        DWUBIT_ASSIGN(record.environment, json_of(statement.text(6)));
        if (!statement.is_null(7)) {
            DWUBIT_ASSIGN(record.failed, json_of(statement.text(7)));
        }
        found.emplace(record.id, std::move(record));
    }
}

Result<void> Journal::put(const StepRecord& record) {
    DWUBIT_ASSIGN(auto statement,
                  impl_->database.prepare("INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
    statement.bind(1, record.id).bind(2, record.key).bind(3, name_of(record.state));
    record.outputs.is_null() ? statement.bind_null(4) : statement.bind(4, dump_json(record.outputs));
    statement.bind(5, record.seconds).bind(6, record.finished).bind(7, dump_json(record.environment));
    record.failed ? statement.bind(8, dump_json(*record.failed)) : statement.bind_null(8);
    return statement.finish();
}

Result<std::optional<std::string>> Journal::hash(std::string_view subject, std::string_view stamp) {
    DWUBIT_ASSIGN(auto statement, impl_->database.prepare("SELECT sha256 FROM hashes WHERE subject = ? AND stamp = ?"));
    DWUBIT_ASSIGN(const bool row, statement.bind(1, subject).bind(2, stamp).step());
    return row ? std::optional(statement.text(0)) : std::nullopt;
}

Result<void> Journal::set_hash(std::string_view subject, std::string_view stamp, std::string_view sha256) {
    DWUBIT_ASSIGN(auto statement, impl_->database.prepare("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?)"));
    return statement.bind(1, subject).bind(2, stamp).bind(3, sha256).finish();
}

Result<std::shared_ptr<void>> Journal::lock(const fs::path& folder, bool wait) {
    const fs::path file = folder / kLockFile;
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) return system_error("cannot open", file);
    const auto held = std::make_shared<FileLock>(fd);
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) return system_error("cannot lock", file);
        if (!wait) return locked_error(folder, file);
        DWUBIT_TRY(check_stop());
        std::this_thread::sleep_for(kLockPause);
    }
    const std::string holder = fmt::format("process {}", ::getpid());
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, holder.data(), holder.size(), 0) < 0) {
        return system_error("cannot write", file);
    }
    return std::shared_ptr<void>(held);
}

}  // namespace dwubit
