#include "support/temp_folder.h"

#include <stdlib.h>

#include <fstream>
#include <string>
#include <system_error>

#include "base/check.h"

namespace dwubit::testing {

TempFolder::TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dwubit-test-XXXXXX").string();
    DWUBIT_CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
}

TempFolder::~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempFolder::write(std::string_view name, std::string_view text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    DWUBIT_CHECK(out.good());
    return file;
}

}  // namespace dwubit::testing
