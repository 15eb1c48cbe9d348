// Documents of a dataset in local files. Nothing is ever downloaded.
//
// A dataset `path` (a Hub id such as "orlik/dzialy", or a local folder), with an optional name, lies in one of the
// folders of --datasets as
//   <folder>/<path>[/<name>]/<split>.jsonl[.gz|.zst] | .csv | .parquet     one file per split
//   <folder>/<path>[/<name>|/data]/<split>-00000-of-00001.parquet ...      the Hub's own layout
// A dataset without a folder of that name is read itself, with a warning.
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

// Not empty. Error: NotFound, which lists the places that were looked at and the splits that are there.
Result<DatasetSplit> read_split(const DatasetFolders& folders, const std::string& path,
                                const std::optional<std::string>& name, const std::string& split);

// `dataset_path: json`, `csv` or `parquet` with data_files among `arguments` (dataset_kwargs): a file, a list of them,
// or either per split. Names are taken from the working folder, else from that of the task's file, else from those of
// --datasets; `data_dir` goes in front. `field` names the list inside a JSON object. Error: as read_split().
bool reads_data_files(const std::string& path, const OrderedJson& arguments);
Result<DatasetSplit> read_data_files(const DatasetFolders& folders, const std::filesystem::path& task_folder,
                                     const OrderedJson& arguments, const std::string& split);

}  // namespace dwubit
