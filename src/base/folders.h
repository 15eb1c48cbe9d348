// Folders for those who write files: made with their parents, taken away again, synced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "dwubit/result.h"

namespace dwubit {

// Creates `folder` and its missing parents; appends what it created to `made`, outermost first.
Result<void> create_folders(const std::filesystem::path& folder, std::vector<std::filesystem::path>& made);

// Removes those of `made` that are empty, innermost first, and clears it.
void remove_made_folders(std::vector<std::filesystem::path>& made);

// Bytes of the files that lie directly in it.
Result<std::uint64_t> folder_bytes(const std::filesystem::path& folder);

// fsync of a folder: the names in it are on disk. An empty path is the current folder.
Result<void> sync_folder(const std::filesystem::path& folder);

}  // namespace dwubit
