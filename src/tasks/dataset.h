// Documents of a dataset in local files. Nothing is ever downloaded.
//
// A dataset `path` (a Hub id such as "orlik/dzialy", or a local folder), with an optional name, lies in one of the
// folders of --datasets as
//   <folder>/<path>[/<name>]/<split>.jsonl[.gz|.zst] | .csv | .parquet     one file per split
//   <folder>/<path>[/<name>|/data]/<split>-00000-of-00001.parquet ...      the Hub's own layout
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

struct DatasetFolders {
    std::vector<std::filesystem::path> folders;  // looked through in order
};

struct DatasetSplit {
    std::vector<OrderedJson> documents;  // objects, keys in file order
    std::vector<std::string> files;      // "<sha256>  <path>"
};

// Error: NotFound, which lists the places that were looked at and the splits that are there.
Result<DatasetSplit> read_split(const DatasetFolders& folders, const std::string& path,
                                const std::optional<std::string>& name, const std::string& split);

}  // namespace dwubit
