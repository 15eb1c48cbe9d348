// An output folder that appears whole or not at all: a command fills `<path>.partial`, which becomes `path` at the end.
//
// What a killed run or a full disk leaves at `<path>.partial` is kept with the identity of the run that made it, and
// a run of the same identity goes on from there.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "dwubit/result.h"

namespace dwubit {

// What decides whether remains can be continued: the command and its inputs, in the order that messages name them.
// {"command", "calibrate"}, {"model", "<sha256>"}, ... Keys are words.
using RunIdentity = std::vector<std::pair<std::string, std::string>>;

class OutputFolder {
public:
    // Usage error where `path` exists and `overwrite` is false (whatever it is), or is not a folder, or where the
    // remains at `<path>.partial` are of another identity (the message says which key differs, both values; with
    // `overwrite` they are removed), or where another process is filling it. Missing parents are made. What lies at
    // `<path>.partial` without an identity is nobody's remains: refused always.
    static Result<OutputFolder> open(const std::filesystem::path& path, RunIdentity identity, bool overwrite);

    // What open() says of `path` itself, for a command that finds out its identity by long work.
    static Result<void> check(const std::filesystem::path& path, bool overwrite);

    // For whoever knows that `path` was finished by a run that died right after: removes the identity file that such
    // a run may have left in it.
    static Result<void> adopt(const std::filesystem::path& path);

    OutputFolder(OutputFolder&& other) noexcept;
    OutputFolder& operator=(OutputFolder&& other) noexcept;
    // Unless finish() succeeded or keep() was called: removes the partial folder, and the parents open() made if they
    // are empty.
    ~OutputFolder();

    const std::filesystem::path& path() const { return path_; }        // the final place
    const std::filesystem::path& partial() const { return partial_; }  // where to write
    bool resumed() const { return resumed_; }                          // there were remains of the same identity

    // The remains stay for a later run. For errors that a re-run can get past (kIo, kInterrupted, kOutOfMemory).
    void keep() { keep_ = true; }
    // keep() if `error` is one of those.
    void keep_if_resumable(const Error& error);

    // Fsyncs, renames the partial folder to `path`, and removes the identity file; what was there (overwrite) is moved
    // aside before that, and removed after. Call once. Where it fails the remains stay.
    Result<void> finish();

private:
    OutputFolder() = default;
    Result<void> start(const RunIdentity& identity, bool overwrite);
    Result<bool> lock();
    Result<void> move_into_place();
    void discard();

    std::filesystem::path path_;
    std::filesystem::path partial_;
    std::vector<std::filesystem::path> made_folders_;  // outermost first
    int lock_fd_ = -1;
    bool resumed_ = false;
    bool keep_ = false;
    bool overwrite_ = false;
};

}  // namespace dwubit
