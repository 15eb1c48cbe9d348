// read_sharded_safetensors on any index, beside two good shards, a folder, and a link to a file outside: nothing from
// outside is ever read.
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/check.h"
#include "checkpoint/safetensors.h"

namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

// A safetensors file that holds one U8 tensor.
std::string shard_with(const std::string& tensor) {
    const std::string header = "{\"" + tensor + "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
    return static_cast<char>(header.size()) + std::string(7, '\0') + header + "x";
}

// Made once; removed at exit.
struct Folder {
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "dwubit-fuzz-XXXXXX").string();
        DWUBIT_CHECK(::mkdtemp(pattern.data()) != nullptr);
        root = pattern;
        fs::create_directories(root / "model" / "folder");
        write(root / "model" / "1.safetensors", shard_with("a"));
        write(root / "model" / "2.safetensors", shard_with("b"));
        write(root / "outside", shard_with("c"));
        fs::create_symlink("../outside", root / "model" / "link");
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(root, ignored);
    }
    fs::path root;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const fs::path index = folder.root / "model" / "model.safetensors.index.json";
    write(index, {reinterpret_cast<const char*>(data), size});
    const auto table = dwubit::read_sharded_safetensors(index);
    if (!table.ok()) {
        DWUBIT_CHECK(!table.error().message.empty() && table.error().message.size() < 2048);
        return 0;
    }
    for (const auto& [name, tensor] : table->tensors()) {
        DWUBIT_CHECK((name == "a" && tensor.file == "1.safetensors") ||
                     (name == "b" && tensor.file == "2.safetensors"));
    }
    return 0;
}
