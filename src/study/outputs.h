// What a step left in the study's folder: listed with hashes when it is done, compared later.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "json/json.h"
#include "study/journal.h"

namespace dwubit {

// [{path, bytes, sha256}] of the files at `names` (relative to `folder`; folders stand for the files in them), sorted
// by path. dwubit-run.json, which differs from run to run, is left out. NotFound where one of `names` is not there.
Result<Json> list_outputs(const std::filesystem::path& folder, const std::vector<std::string>& names, Journal& journal);

// Whether the files are what `outputs` says. Hashes of files whose size and time are as when they were last hashed are
// taken from the journal.
Result<bool> outputs_hold(const std::filesystem::path& folder, const Json& outputs, Journal& journal);

// SHA-256 over the listing.
std::string outputs_sha256(const Json& outputs);

// Removes what is at `names`, folders with all that is in them; on disk when it returns.
Result<void> remove_outputs(const std::filesystem::path& folder, const std::vector<std::string>& names);

// Size and time of a file, as text; empty where there is none.
std::string file_stamp(const std::filesystem::path& path);

// SHA-256 of a file, from the journal where its stamp is the same.
Result<std::string> hash_of_file(const std::filesystem::path& path, const std::string& subject, Journal& journal);

}  // namespace dwubit
