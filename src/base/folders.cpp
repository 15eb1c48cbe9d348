#include "base/folders.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace dwubit {

Result<void> create_folders(const std::filesystem::path& folder, std::vector<std::filesystem::path>& made) {
    std::error_code ignored;
    if (folder.empty() || std::filesystem::is_directory(folder, ignored)) return {};
    DWUBIT_TRY(create_folders(folder.parent_path(), made));
    if (::mkdir(folder.c_str(), 0777) != 0) {
        if (errno == EEXIST && std::filesystem::is_directory(folder, ignored)) return {};
        return system_error("cannot create folder", folder);
    }
    made.push_back(folder);
    return {};
}

void remove_made_folders(std::vector<std::filesystem::path>& made) {
    for (; !made.empty(); made.pop_back()) {
        ::rmdir(made.back().c_str());  // fails, rightly, when something else lies in it
    }
}

Result<std::uint64_t> folder_bytes(const std::filesystem::path& folder) {
    std::uint64_t total = 0;
    std::error_code code;
    for (std::filesystem::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
        if (at->is_regular_file(code)) total += at->file_size(code);
        if (code) break;
    }
    if (code) return errorf(ErrorKind::kIo, "cannot read folder {}: {}", folder.string(), code.message());
    return total;
}

Result<void> sync_folder(const std::filesystem::path& folder) {
    const std::filesystem::path place = folder.empty() ? "." : folder;
    const int fd = ::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return system_error("cannot open folder", place);
    const int status = ::fsync(fd);
    const int code = errno;
    ::close(fd);
    errno = code;
    // Some file systems cannot sync a folder (EINVAL); the rename itself has happened.
    if (status != 0 && code != EINVAL) return system_error("cannot sync folder", place);
    return {};
}

}  // namespace dwubit
