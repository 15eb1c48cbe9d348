// One file of a dataset as documents.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

struct DocumentFileLimits {
    std::size_t bytes = std::size_t{2} << 30;  // of all text of a file, unpacked
};

// By the name's end: .jsonl (also .gz, .zst), .json (lines, or one list of objects, which `field` may name inside an
// object), .csv, .parquet where the build reads it. Appends to `documents`, which are objects with their keys in file
// order; `files` gets "<sha256>  <path>".
Result<void> read_document_file(const std::filesystem::path& path, const std::string& field,
                                std::vector<OrderedJson>& documents, std::vector<std::string>& files,
                                const DocumentFileLimits& limits = {});

// Where a number of a column is a fraction, all of them are: 1 becomes 1.0, as in the typed tables of Hugging Face's
// datasets, and prints as such in prompts. A column is a field, a member of its objects, or the elements of its lists.
void unify_numbers(std::vector<OrderedJson>& documents);

}  // namespace dwubit
