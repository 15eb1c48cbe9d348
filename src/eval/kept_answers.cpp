#include "eval/kept_answers.h"

#include <fmt/format.h>

#include <limits>
#include <span>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "eval/results.h"

namespace dwubit {
namespace {

std::filesystem::path file_of(const std::filesystem::path& folder, const std::string& task) {
    return folder / (sanitized_name(task) + ".json");
}

Result<KeptAnswers> parse(const Json& object, const std::string& asked, std::size_t requests,
                          const std::string& where) {
    const Fields fields(object, where);
    DWUBIT_ASSIGN(const std::string answered, fields.string("asked"));
    if (answered != asked) return fields.invalid("asked", asked);
    DWUBIT_ASSIGN(const Json* const rows, fields.array("answers"));
    if (rows->size() != requests) return fields.invalid("answers", fmt::format("{} rows", requests));
    KeptAnswers kept;
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    DWUBIT_ASSIGN(kept.counts.tokens_evaluated, fields.integer("tokens_evaluated", 0, kMost));
    DWUBIT_ASSIGN(kept.counts.tokens_reused, fields.integer("tokens_reused", 0, kMost));
    for (const Json& row : *rows) {
        const bool good =
            row.is_array() && row.size() == 3 && row[0].is_number() && row[1].is_boolean() && row[2].is_string();
        if (!good) return fields.invalid("answers", "rows of a number, true or false, and a text");
        kept.responses.push_back({row[0].get<double>(), row[1].get<bool>(), row[2].get<std::string>()});
    }
    return kept;
}

}  // namespace

std::string asked_sha256(std::span<const TaskRequest> requests, const OrderedJson& generation) {
    Sha256 hash;
    hash.update(dump_json(generation));
    for (const TaskRequest& request : requests) {
        // Lengths, so that no text can stand for two.
        hash.update(fmt::format("\n{} {}\n", request.context.size(), request.continuation.size()));
        hash.update(request.context);
        hash.update(request.continuation);
    }
    return hash.hex_digest();
}

std::optional<KeptAnswers> read_kept_answers(const std::filesystem::path& folder, const std::string& task,
                                             const std::string& asked, std::size_t requests) {
    const std::filesystem::path file = file_of(folder, task);
    const Result<Json> object = read_json_file(file);
    if (!object.ok() || !object->is_object()) return std::nullopt;
    Result<KeptAnswers> kept = parse(*object, asked, requests, file.string());
    return kept.ok() ? std::optional(std::move(*kept)) : std::nullopt;
}

Result<void> keep_answers(const std::filesystem::path& folder, const std::string& task, const std::string& asked,
                          const KeptAnswers& answers) {
    Json rows = Json::array();
    for (const Response& response : answers.responses) {
        rows.push_back(Json::array({response.loglikelihood, response.is_greedy, response.text}));
    }
    const Json object = {{"asked", asked},
                         {"tokens_evaluated", answers.counts.tokens_evaluated},
                         {"tokens_reused", answers.counts.tokens_reused},
                         {"answers", std::move(rows)}};
    return write_file_atomically(file_of(folder, task), dump_json(object) + "\n");
}

}  // namespace dwubit
