// The journal of a study: which steps are done, from which key, with which outputs, how long they took. SQLite in
// write-ahead mode at OUT/journal.sqlite; one process writes, as the lock beside it sees to.
//
// A step that is begun and not done when the process dies stays `running`: the next run looks at its outputs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

enum class StepState { kRunning, kDone, kFailed };

struct StepRecord {
    std::string id;   // "quantize:gptq"
    std::string key;  // of what it was made from
    StepState state = StepState::kRunning;
    Json outputs = {};                // [{path, bytes, sha256}], paths relative to the study's folder; null unless done
    double seconds = 0;               // of the run that finished it
    std::string finished = {};        // UTC
    Json environment = {};            // versions, processor, device of the run that finished it
    std::optional<Json> failed = {};  // the error's members
};

class Journal {
public:
    // Of `folder`, which exists; made where there is none. InvalidInput for a damaged file, Unsupported for one of a
    // newer dwubit, Io where the folder or disk refuses.
    static Result<Journal> open(const std::filesystem::path& folder);
    // The same without writing; NotFound where there is none.
    static Result<Journal> read(const std::filesystem::path& folder);
    // In memory: empty, or with what the folder's knows; whatever is put there is gone with it.
    static Result<Journal> none();
    static Result<Journal> copy(const std::filesystem::path& folder);

    Journal(Journal&&) noexcept;
    Journal& operator=(Journal&&) noexcept;
    ~Journal();

    // What is true of the whole: "study", "settings", ...
    Result<std::optional<std::string>> note(std::string_view name);
    Result<void> set_note(std::string_view name, std::string_view value);

    Result<std::map<std::string, StepRecord>> steps();
    // Replaces the step's record; on disk when it returns.
    Result<void> put(const StepRecord& record);

    // SHA-256 of something large, kept for as long as `stamp` (sizes and times of its files) stays the same.
    Result<std::optional<std::string>> hash(std::string_view subject, std::string_view stamp);
    Result<void> set_hash(std::string_view subject, std::string_view stamp, std::string_view sha256);

    // A file beside it that holds the lock for as long as this lives. Usage error, which names the other process,
    // where it is taken and `wait` is false.
    static Result<std::shared_ptr<void>> lock(const std::filesystem::path& folder, bool wait);

private:
    struct Impl;
    explicit Journal(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view kJournalFile = "journal.sqlite";

}  // namespace dwubit
