#include "study/outputs.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/error.h"
#include "base/folders.h"
#include "base/sha256.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRunFile = "dwubit-run.json";

// Files at `name`, relative to `folder`.
Result<std::vector<std::string>> files_at(const fs::path& folder, const std::string& name) {
    const fs::path path = folder / name;
    std::error_code code;
    if (fs::is_regular_file(path, code)) return std::vector{name};
    if (!fs::is_directory(path, code)) {
        return errorf(ErrorKind::kNotFound, "{} is not there", path.string());
    }
    std::vector<std::string> files;
    for (fs::recursive_directory_iterator at(path, code), end; !code && at != end; at.increment(code)) {
        if (!at->is_regular_file(code) || at->path().filename() == kRunFile) continue;
        files.push_back(at->path().lexically_relative(folder).generic_string());
    }
    if (code) return errorf(ErrorKind::kIo, "cannot read folder {}: {}", path.string(), code.message());
    return files;
}

}  // namespace

std::string file_stamp(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    return fmt::format("{}:{}:{}.{:09}", status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

Result<std::string> hash_of_file(const fs::path& path, const std::string& subject, Journal& journal) {
    const std::string stamp = file_stamp(path);
    DWUBIT_ASSIGN(const auto known, journal.hash(subject, stamp));
    if (known && !stamp.empty()) return *known;
    DWUBIT_ASSIGN(std::string hash, sha256_file(path));
    DWUBIT_TRY(journal.set_hash(subject, stamp, hash));
    return hash;
}

Result<Json> list_outputs(const fs::path& folder, const std::vector<std::string>& names, Journal& journal) {
    std::vector<std::string> files;
    for (const std::string& name : names) {
        DWUBIT_ASSIGN(const auto found, files_at(folder, name));
        files.insert(files.end(), found.begin(), found.end());
    }
    std::sort(files.begin(), files.end());
    Json list = Json::array();
    for (const std::string& file : files) {
        DWUBIT_ASSIGN(std::string hash, hash_of_file(folder / file, "output " + file, journal));
        std::error_code code;
        const std::uintmax_t bytes = fs::file_size(folder / file, code);
        if (code) return errorf(ErrorKind::kIo, "cannot read {}: {}", (folder / file).string(), code.message());
        list.push_back({{"path", file}, {"bytes", bytes}, {"sha256", std::move(hash)}});
    }
    return list;
}

Result<bool> outputs_hold(const fs::path& folder, const Json& outputs, Journal& journal) {
    if (!outputs.is_array()) return false;
    for (const Json& output : outputs) {
        const std::string name = output.value("path", std::string());
        std::error_code code;
        const std::uintmax_t bytes = fs::file_size(folder / name, code);
        if (code || bytes != output.value("bytes", std::uintmax_t{0})) return false;
        DWUBIT_ASSIGN(const std::string hash, hash_of_file(folder / name, "output " + name, journal));
        if (hash != output.value("sha256", std::string())) return false;
    }
    return true;
}

std::string outputs_sha256(const Json& outputs) {
    return sha256_hex(dump_json(outputs));
}

Result<void> remove_outputs(const fs::path& folder, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        const fs::path path = folder / name;
        std::error_code code;
        if (!fs::exists(fs::symlink_status(path, code))) continue;
        fs::remove_all(path, code);
        if (code) return errorf(ErrorKind::kIo, "cannot remove {}: {}", path.string(), code.message());
        DWUBIT_TRY(sync_folder(path.parent_path()));
    }
    return {};
}

}  // namespace dwubit
