#include "base/output_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/atomic_file.h"
#include "base/check.h"
#include "base/error.h"
#include "base/folders.h"
#include "base/log.h"
#include "base/text.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIdentityFile = ".dwubit-run";
constexpr std::uint64_t kMaxIdentityBytes = 1 << 20;

std::string identity_text(const RunIdentity& identity) {
    std::string text;
    for (const auto& [key, value] : identity) {
        DWUBIT_CHECK(!key.empty() && key.find_first_of(" \n") == std::string::npos);
        text += key;
        text += ' ';
        for (const char c : value) {
            if (c == '\n') text += '\\';
            text += c == '\n' ? 'n' : c;
        }
        text += '\n';
    }
    return text;
}

RunIdentity parse_identity(const std::string& text) {
    RunIdentity identity;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::size_t space = std::min(text.find(' ', at), end);
        identity.emplace_back(text.substr(at, space - at),
                              space < end ? text.substr(space + 1, end - space - 1) : std::string());
        at = end + 1;
    }
    return identity;
}

std::string value_of(const RunIdentity& identity, const std::string& key) {
    for (const auto& [name, value] : identity) {
        if (name != key) continue;
        constexpr std::size_t kHashDigits = 64;
        return value.size() == kHashDigits ? value.substr(0, 12) + "..." : "'" + printable(value, 60) + "'";
    }
    return "nothing";
}

// "corpus was 12ab34cd56ef..., is 98ef..."; `there` differs from `here`.
std::string first_difference(const RunIdentity& there, const RunIdentity& here) {
    for (const RunIdentity* identity : {&here, &there}) {
        for (const auto& [key, ignored] : *identity) {
            const std::string was = value_of(there, key);
            const std::string is = value_of(here, key);
            if (was != is) return fmt::format("{} was {}, is {}", printable(key, 40), was, is);
        }
    }
    return "its identity cannot be read";
}

// Nothing in it but, perhaps, the identity file.
bool is_bare(const fs::path& folder) {
    std::error_code code;
    for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
        if (at->path().filename() != kIdentityFile) return false;
    }
    return !code;
}

Result<void> remove_contents(const fs::path& folder) {
    std::error_code code;
    for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
        if (at->path().filename() == kIdentityFile) continue;
        std::error_code failed;
        fs::remove_all(at->path(), failed);
        if (failed) {
            return errorf(ErrorKind::kIo, "cannot remove {}: {}", at->path().string(), failed.message());
        }
    }
    if (code) return errorf(ErrorKind::kIo, "cannot read folder {}: {}", folder.string(), code.message());
    return {};
}

// What a killed AtomicFile left: it would become part of the output.
void remove_temporaries(const fs::path& folder) {
    std::error_code code;
    for (fs::recursive_directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
        if (at->is_regular_file(code) && at->path().filename().string().find(".tmp-") != std::string::npos) {
            ::unlink(at->path().c_str());
        }
    }
}

Result<void> sync_folders(const fs::path& folder) {
    std::error_code code;
    for (fs::recursive_directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
        if (at->is_directory(code) && !at->is_symlink()) DWUBIT_TRY(sync_folder(at->path()));
    }
    if (code) return errorf(ErrorKind::kIo, "cannot read folder {}: {}", folder.string(), code.message());
    return sync_folder(folder);
}

// Without slashes at its end; a usage error where that leaves no name.
Result<fs::path> folder_name(const fs::path& path) {
    fs::path name = path;
    while (name.has_parent_path() && name.filename().empty() && name != name.root_path()) name = name.parent_path();
    const fs::path last = name.filename();
    if (last.empty() || last == "." || last == "..") {
        return errorf(ErrorKind::kUsage, "output '{}' does not end in a name", printable(path.string()))
            .with_hint("name a folder that does not exist yet, for example -o out");
    }
    return name;
}

Result<void> check_place(const fs::path& path, bool overwrite) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return {};
    if (!overwrite) {
        return errorf(ErrorKind::kUsage, "output {} exists", path.string())
            .with_hint("choose another folder with -o, or --overwrite");
    }
    if (!S_ISDIR(status.st_mode)) {
        return errorf(ErrorKind::kUsage, "output {} exists and is not a folder", path.string())
            .with_hint("--overwrite replaces folders only");
    }
    std::error_code code;
    const fs::path real = fs::canonical(path, code);
    const fs::path here = code ? fs::path() : fs::current_path(code);
    if (!code && std::mismatch(real.begin(), real.end(), here.begin(), here.end()).first == real.end()) {
        return errorf(ErrorKind::kUsage, "output {} holds the current folder", path.string())
            .with_hint("--overwrite would remove it; choose another folder with -o");
    }
    return {};
}

// What lies at `partial` is nothing, an empty folder, or one that a run left.
Result<void> check_remains(const fs::path& partial) {
    struct stat status {};
    struct stat file {};
    if (::lstat(partial.c_str(), &status) != 0) return {};
    if (S_ISDIR(status.st_mode)) {
        if (is_bare(partial)) return {};
        if (::lstat((partial / kIdentityFile).c_str(), &file) == 0 && S_ISREG(file.st_mode)) return {};
    }
    return errorf(ErrorKind::kUsage, "{} exists and is not the remains of an interrupted run", partial.string())
        .with_hint("remove it, or choose another folder with -o");
}

}  // namespace

// Locks the identity file. False when the folder went away meanwhile: another process finished.
Result<bool> OutputFolder::lock() {
    const fs::path file = partial_ / kIdentityFile;
    lock_fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (lock_fd_ < 0 && errno == ENOENT) return false;
    if (lock_fd_ < 0) return system_error("cannot open", file);
    if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
        const int code = errno;
        if (code != EWOULDBLOCK) {
            log_warning(fmt::format("{} cannot be locked ({}); nothing keeps a second process out of it",
                                    partial_.string(), std::generic_category().message(code)));
        } else {
            ::close(std::exchange(lock_fd_, -1));
            return errorf(ErrorKind::kUsage, "another process is writing to {}", partial_.string())
                .with_hint("wait for it, or choose another folder with -o");
        }
    }
    struct stat opened {};
    struct stat named {};
    if (::fstat(lock_fd_, &opened) == 0 && ::stat(file.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
        opened.st_dev == named.st_dev) {
        return true;
    }
    ::close(std::exchange(lock_fd_, -1));
    return false;
}

// REQUIRES: the lock. Decides what the remains are worth and leaves the folder with our identity in it.
Result<void> OutputFolder::start(const RunIdentity& identity, bool overwrite) {
    const fs::path file = partial_ / kIdentityFile;
    const std::string text = identity_text(identity);
    DWUBIT_ASSIGN(const std::string there, read_file(file, kMaxIdentityBytes));
    if (there == text) {
        remove_temporaries(partial_);
        resumed_ = !is_bare(partial_);
        return {};
    }
    if (!is_bare(partial_)) {
        if (!overwrite) {
            return errorf(ErrorKind::kUsage, "{} has the remains of another run: {}", partial_.string(),
                          first_difference(parse_identity(there), identity))
                .with_hint("--overwrite, or remove " + partial_.string());
        }
        DWUBIT_TRY(remove_contents(partial_));
    }
    // In place, for the lock is on this file.
    if (::ftruncate(lock_fd_, 0) != 0) return system_error("cannot write", file);
    const ssize_t written = ::pwrite(lock_fd_, text.data(), text.size(), 0);
    if (written != static_cast<ssize_t>(text.size())) {
        if (written >= 0) errno = ENOSPC;
        return system_error("cannot write", file);
    }
    if (::fsync(lock_fd_) != 0) return system_error("cannot sync", file);
    return {};
}

Result<void> OutputFolder::check(const fs::path& path, bool overwrite) {
    DWUBIT_ASSIGN(const fs::path name, folder_name(path));
    return check_place(name, overwrite);
}

Result<OutputFolder> OutputFolder::open(const fs::path& path, RunIdentity identity, bool overwrite) {
    OutputFolder folder;
    DWUBIT_ASSIGN(folder.path_, folder_name(path));
    const fs::path partial = fs::path(folder.path_) += ".partial";
    folder.overwrite_ = overwrite;
    for (int attempt = 0; attempt < 10; ++attempt) {
        DWUBIT_TRY(check_place(folder.path_, overwrite));
        DWUBIT_TRY(check_remains(partial));
        DWUBIT_TRY(create_folders(partial, folder.made_folders_));
        if (!folder.made_folders_.empty() && folder.made_folders_.back() == partial) folder.made_folders_.pop_back();
        folder.partial_ = partial;
        auto locked = folder.lock();
        if (!locked.ok() || !*locked) {
            folder.partial_.clear();   // another process'
            ::rmdir(partial.c_str());  // or made here and of no use
        }
        DWUBIT_ASSIGN(const bool held, std::move(locked));
        if (!held) continue;
        auto started = folder.start(identity, overwrite);
        if (started.ok()) return folder;
        folder.keep_ = true;  // what lies there is another run's
        return std::move(started).error();
    }
    return errorf(ErrorKind::kIo, "{} is made and removed by another process again and again", partial.string());
}

Result<void> OutputFolder::adopt(const std::filesystem::path& path) {
    const fs::path file = path / kIdentityFile;
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) return system_error("cannot remove", file);
    return {};
}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept
    : path_(std::move(other.path_)),
      partial_(std::exchange(other.partial_, {})),
      made_folders_(std::exchange(other.made_folders_, {})),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      resumed_(other.resumed_),
      keep_(other.keep_),
      overwrite_(other.overwrite_) {}

OutputFolder& OutputFolder::operator=(OutputFolder&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(partial_, other.partial_);
    std::swap(made_folders_, other.made_folders_);
    std::swap(lock_fd_, other.lock_fd_);
    std::swap(resumed_, other.resumed_);
    std::swap(keep_, other.keep_);
    std::swap(overwrite_, other.overwrite_);
    return *this;
}

OutputFolder::~OutputFolder() {
    discard();
}

void OutputFolder::discard() {
    if (!partial_.empty() && (!keep_ || is_bare(partial_))) {
        std::error_code ignored;
        fs::remove_all(partial_, ignored);
    }
    partial_.clear();
    remove_made_folders(made_folders_);
    if (lock_fd_ >= 0) ::close(std::exchange(lock_fd_, -1));
}

void OutputFolder::keep_if_resumable(const Error& error) {
    keep_ = keep_ || error.kind == ErrorKind::kIo || error.kind == ErrorKind::kInterrupted ||
            error.kind == ErrorKind::kOutOfMemory;
}

Result<void> OutputFolder::move_into_place() {
    DWUBIT_TRY(sync_folders(partial_));
    DWUBIT_TRY(check_place(path_, overwrite_));
    fs::path aside;
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0) {
        aside = fs::path(path_) += fmt::format(".replaced-{}", ::getpid());
        if (::rename(path_.c_str(), aside.c_str()) != 0) return system_error("cannot move aside", path_);
    }
    if (::rename(partial_.c_str(), path_.c_str()) != 0) {
        Error error = system_error("cannot rename to", path_);
        if (!aside.empty() && ::rename(aside.c_str(), path_.c_str()) != 0) {
            error.hint = "what was there is now " + aside.string();
        }
        return error;
    }
    partial_.clear();
    made_folders_.clear();
    // Only now: a process killed before the rename leaves remains that have a name.
    ::unlink((path_ / kIdentityFile).c_str());
    DWUBIT_TRY(sync_folder(path_.parent_path()));
    if (!aside.empty()) {
        std::error_code code;
        fs::remove_all(aside, code);
        if (code) log_warning(fmt::format("cannot remove {}: {}", aside.string(), code.message()));
    }
    return {};
}

Result<void> OutputFolder::finish() {
    DWUBIT_CHECK(!partial_.empty());
    auto moved = move_into_place();
    if (!moved.ok()) {
        keep_ = true;
        return moved;
    }
    if (lock_fd_ >= 0) ::close(std::exchange(lock_fd_, -1));
    return {};
}

}  // namespace dwubit
