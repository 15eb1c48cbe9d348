// Answers of finished tasks kept in a folder, so that an evaluation that is stopped goes on with the next task.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/responses.h"
#include "eval/scorer.h"

namespace dwubit {

struct KeptAnswers {
    std::vector<Response> responses;
    ScorerCounts counts;  // what they cost
};

// SHA-256 of what is asked: the texts of the requests and how generations end.
std::string asked_sha256(std::span<const TaskRequest> requests, const OrderedJson& generation);

// Nothing where there is no file, where it answers something else, or where it cannot be read as this build writes it:
// the task is then asked again.
std::optional<KeptAnswers> read_kept_answers(const std::filesystem::path& folder, const std::string& task,
                                             const std::string& asked, std::size_t requests);
Result<void> keep_answers(const std::filesystem::path& folder, const std::string& task, const std::string& asked,
                          const KeptAnswers& answers);

}  // namespace dwubit
