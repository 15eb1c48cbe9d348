// A GGUF model in one file or in several: "<name>-00001-of-00005.gguf" and the parts that lie beside it.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/gguf.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxParts = 9999;

Result<GgufFile> map_gguf(const fs::path& path) {
    DWUBIT_ASSIGN(MappedFile mapped, MappedFile::open(path));
    DWUBIT_ASSIGN(GgufFile file, parse_gguf(mapped.bytes(), path.filename().string()));
    file.tensors.keep_alive(std::move(mapped));
    return file;
}

std::string part_suffix(std::int64_t number, std::int64_t count) {
    return fmt::format("-{:05}-of-{:05}.gguf", number, count);
}

// The part says what it must: its number and the model's count, and no other architecture.
Result<void> check_part(const GgufMetadata& part, const GgufMetadata& first, std::int64_t number, std::int64_t count) {
    DWUBIT_ASSIGN(const std::int64_t parts, part.integer("split.count", 1, kMaxParts));
    DWUBIT_ASSIGN(const std::int64_t index, part.integer("split.no", 0, kMaxParts));
    if (parts != count || index != number - 1) {
        return errorf(ErrorKind::kInvalidInput, "{} says that it is part {} of {}, expected part {} of {}", part.file(),
                      index + 1, parts, number, count);
    }
    DWUBIT_ASSIGN(const std::string first_architecture, first.string("general.architecture", ""));
    DWUBIT_ASSIGN(const std::string architecture, part.string("general.architecture", first_architecture));
    if (architecture == first_architecture) return {};
    return errorf(ErrorKind::kInvalidInput, "{} has architecture '{}', the first part '{}'", part.file(),
                  printable(architecture), printable(first_architecture));
}

Result<void> add_parts(GgufFile& file, const fs::path& path, std::int64_t count) {
    const std::string name = path.filename().string();
    const std::string suffix = part_suffix(1, count);
    DWUBIT_TRY(check_part(file.metadata, file.metadata, 1, count));
    if (!name.ends_with(suffix)) {
        return errorf(ErrorKind::kInvalidInput, "{} is the first of {} parts, but its name does not end in '{}'", name,
                      count, suffix)
            .with_hint("the parts are found by their names; give them back");
    }
    const std::string stem = name.substr(0, name.size() - suffix.size());
    for (std::int64_t number = 2; number <= count; ++number) {
        DWUBIT_ASSIGN(GgufFile part, map_gguf(path.parent_path() / (stem + part_suffix(number, count))));
        DWUBIT_TRY(check_part(part.metadata, file.metadata, number, count));
        DWUBIT_TRY(file.tensors.merge(std::move(part.tensors)));
    }
    DWUBIT_ASSIGN(const auto tensors, file.metadata.integer("split.tensors.count", 0, INT32_MAX, -1));
    const auto there = static_cast<std::int64_t>(file.tensors.tensors().size());
    if (tensors < 0 || tensors == there) return {};
    return errorf(ErrorKind::kInvalidInput, "{}: 'split.tensors.count' is {}, but the parts have {} tensors", name,
                  tensors, there);
}

}  // namespace

Result<GgufFile> read_gguf(const fs::path& path) {
    DWUBIT_ASSIGN(GgufFile file, map_gguf(path));
    if (!file.metadata.has("split.count")) return file;
    DWUBIT_ASSIGN(const std::int64_t count, file.metadata.integer("split.count", 1, kMaxParts));
    DWUBIT_ASSIGN(const std::int64_t index, file.metadata.integer("split.no", 0, kMaxParts, 0));
    if (index != 0) {
        return errorf(ErrorKind::kInvalidInput, "{} is part {} of a model in {} files", path.string(), index + 1, count)
            .with_hint("name the first part: ..." + part_suffix(1, count));
    }
    if (count > 1) DWUBIT_TRY(add_parts(file, path, count));
    return file;
}

}  // namespace dwubit
