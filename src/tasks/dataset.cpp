#include "tasks/dataset.h"

#include <algorithm>
#include <array>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "tasks/document_files.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kSuffixes = {".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv", ".parquet"};
constexpr std::size_t kMaxShards = 10'000;

bool is_folder(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code failed;
    for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
        names.push_back(it->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

struct Shard {
    std::string split;
    std::size_t number = 0;
    std::size_t count = 0;
};

std::optional<std::size_t> five_digits(std::string_view text) {
    if (text.size() != 5 || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    std::size_t value = 0;
    for (const char c : text) value = value * 10 + static_cast<std::size_t>(c - '0');
    return value;
}

// "<split>-00000-of-00002.parquet"
std::optional<Shard> parse_shard(std::string_view name) {
    constexpr std::string_view kEnd = ".parquet";
    constexpr std::size_t kNumbers = std::string_view("-00000-of-00001").size();
    if (!name.ends_with(kEnd) || name.size() <= kEnd.size() + kNumbers) return std::nullopt;
    name.remove_suffix(kEnd.size());
    const std::string_view numbers = name.substr(name.size() - kNumbers);
    const auto number = five_digits(numbers.substr(1, 5));
    const auto count = five_digits(numbers.substr(10));
    if (numbers[0] != '-' || numbers.substr(6, 4) != "-of-" || !number || !count) return std::nullopt;
    return Shard{std::string(name.substr(0, name.size() - kNumbers)), *number, *count};
}

std::set<std::string> splits_in(const fs::path& folder) {
    std::set<std::string> splits;
    for (const std::string& name : names_in(folder)) {
        if (const auto shard = parse_shard(name)) {
            splits.insert(shard->split);
            continue;
        }
        for (const std::string_view suffix : kSuffixes) {
            if (name.ends_with(suffix) && name.size() > suffix.size()) {
                splits.insert(name.substr(0, name.size() - suffix.size()));
            }
        }
    }
    return splits;
}

// The files of `split` in `folder`, in order; none where there are none.
Result<std::vector<fs::path>> find_split(const fs::path& folder, const std::string& split) {
    for (const std::string_view suffix : kSuffixes) {
        if (const fs::path file = folder / (split + std::string(suffix)); is_file(file)) return std::vector{file};
    }
    std::vector<fs::path> files;
    std::size_t count = 0;
    for (const std::string& name : names_in(folder)) {
        const auto shard = parse_shard(name);
        if (!shard || shard->split != split) continue;
        count = shard->count;
        if (shard->number != files.size() || count > kMaxShards) break;
        files.push_back(folder / name);
    }
    if (files.size() != count) {
        return errorf(ErrorKind::kNotFound, "{}: split '{}' has {} files, of which number {} is missing",
                      folder.string(), printable(split), count, files.size());
    }
    return files;
}

struct Place {
    fs::path folder;
    bool without_name = false;  // the dataset has a name, of which there is no folder
};

// Where a dataset may lie, in the order of looking.
std::vector<Place> places(const DatasetFolders& folders, const std::string& path,
                          const std::optional<std::string>& name) {
    std::vector<fs::path> bases;
    for (const fs::path& folder : folders.folders) bases.push_back(folder / path);
    if (bases.empty() || is_folder(path)) bases.emplace_back(path);
    std::vector<Place> found;
    for (const fs::path& base : bases) {
        const bool named = name && (is_folder(base / *name) || is_folder(base / "data" / *name));
        if (named) {
            found.push_back({base / *name, false});
            found.push_back({base / *name / "data", false});
            found.push_back({base / "data" / *name, false});
        } else {
            found.push_back({base, name.has_value()});
            found.push_back({base / "data", name.has_value()});
        }
    }
    return found;
}

std::string in_quotes(const std::string& path, const std::optional<std::string>& name) {
    return fmt::format("'{}'{}", printable(path), name ? fmt::format(" ('{}')", printable(*name)) : std::string());
}

Error no_split(const std::vector<Place>& looked_at, const std::string& path, const std::optional<std::string>& name,
               const std::string& split) {
    std::set<std::string> splits;
    std::string where;
    for (const Place& place : looked_at) {
        splits.merge(splits_in(place.folder));
        where += (where.empty() ? "" : ", ") + printable(place.folder.string(), 200);
    }
    Error error =
        errorf(ErrorKind::kNotFound, "dataset {}: no split '{}' in {}", in_quotes(path, name), printable(split), where);
    if (splits.empty()) {
        error.hint = fmt::format(
            "datasets are never downloaded: put {}.jsonl (or .csv, .parquet) there, or name the "
            "folder that has it with --datasets",
            printable(split));
    } else {
        error.hint =
            fmt::format("splits that are there: {}", printable(fmt::format("{}", fmt::join(splits, ", ")), 300));
    }
    return error;
}

Result<DatasetSplit> read_files(const std::vector<fs::path>& paths, const std::string& field) {
    DatasetSplit split;
    for (const fs::path& path : paths) {
        DWUBIT_TRY(read_document_file(path, field, split.documents, split.files));
    }
    unify_numbers(split.documents);
    return split;
}

// --- data_files

bool is_remote(const std::string& name) {
    return name.find("://") != std::string::npos;
}

Result<fs::path> find_data_file(const DatasetFolders& folders, const fs::path& task_folder, const fs::path& prefix,
                                const std::string& name) {
    if (is_remote(name)) {
        return errorf(ErrorKind::kNotFound, "data_files: '{}' is not a local file", printable(name))
            .with_hint("nothing is downloaded: fetch it, and name the file");
    }
    const fs::path relative = prefix / name;
    std::vector<fs::path> candidates = {relative, task_folder / relative};
    for (const fs::path& folder : folders.folders) candidates.push_back(folder / relative);
    std::string where;
    for (const fs::path& candidate : candidates) {
        if (is_file(candidate)) return candidate;
        where += (where.empty() ? "" : ", ") + printable(candidate.string(), 200);
    }
    return errorf(ErrorKind::kNotFound, "data_files: there is no {}", where);
}

// The names that `value`, a text or a list of texts, has.
Result<std::vector<std::string>> file_names(const OrderedJson& value) {
    std::vector<std::string> names;
    const OrderedJson list = value.is_array() ? value : OrderedJson::array({value});
    for (const OrderedJson& name : list) {
        if (!name.is_string()) {
            return make_error(ErrorKind::kInvalidInput, "data_files must be file names, or file names per split");
        }
        names.push_back(name.get<std::string>());
    }
    return names;
}

std::string text_argument(const OrderedJson& arguments, const char* key) {
    const auto found = arguments.find(key);
    return found != arguments.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<DatasetSplit> read_split(const DatasetFolders& folders, const std::string& path,
                                const std::optional<std::string>& name, const std::string& split) {
    const std::vector<Place> looked_at = places(folders, path, name);
    for (const Place& place : looked_at) {
        DWUBIT_ASSIGN(const std::vector<fs::path> files, find_split(place.folder, split));
        if (files.empty()) continue;
        if (place.without_name) {
            log_warning(fmt::format("dataset '{}' has no folder '{}'; its own files are read: {}", printable(path),
                                    printable(*name), printable(place.folder.string(), 200)));
        }
        return read_files(files, "");
    }
    return no_split(looked_at, path, name, split);
}

bool reads_data_files(const std::string& path, const OrderedJson& arguments) {
    return (path == "json" || path == "csv" || path == "parquet") && arguments.contains("data_files");
}

Result<DatasetSplit> read_data_files(const DatasetFolders& folders, const fs::path& task_folder,
                                     const OrderedJson& arguments, const std::string& split) {
    const OrderedJson& data_files = arguments.at("data_files");
    // Files without a split are "train", as datasets has it.
    const OrderedJson per_split = data_files.is_object() ? data_files : OrderedJson{{"train", data_files}};
    const auto found = per_split.find(split);
    if (found == per_split.end()) {
        std::vector<std::string> splits;
        for (const auto& [key, value] : per_split.items()) splits.push_back(key);
        return errorf(ErrorKind::kNotFound, "data_files: no split '{}'", printable(split))
            .with_hint(
                fmt::format("splits that are there: {}", printable(fmt::format("{}", fmt::join(splits, ", ")), 300)));
    }
    DWUBIT_ASSIGN(const std::vector<std::string> names, file_names(*found));
    std::vector<fs::path> paths;
    for (const std::string& name : names) {
        DWUBIT_ASSIGN(paths.emplace_back(),
                      find_data_file(folders, task_folder, text_argument(arguments, "data_dir"), name));
    }
    return read_files(paths, text_argument(arguments, "field"));
}

}  // namespace dwubit
