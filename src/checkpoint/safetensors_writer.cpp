#include "checkpoint/safetensors_writer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/atomic_file.h"
#include "base/check.h"
#include "base/sha256.h"
#include "json/json.h"

namespace dwubit {
namespace {

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint64_t kLengthBytes = 8;

std::uint64_t to_next_multiple(std::uint64_t at) {
    return (kAlignment - at % kAlignment) % kAlignment;
}

struct Layout {
    std::string header;                // length, JSON, blanks
    std::vector<std::uint64_t> gaps;   // bytes of padding before each tensor
    std::vector<std::string> padding;  // names
};

Json entry(DType dtype, const Shape& shape, std::uint64_t begin, std::uint64_t size) {
    return {{"dtype", dtype_name(dtype)}, {"shape", shape}, {"data_offsets", {begin, begin + size}}};
}

Layout lay_out(std::span<const TensorToWrite> tensors, const std::map<std::string, std::string>& metadata) {
    Layout layout;
    Json json = Json::object();
    if (!metadata.empty()) json["__metadata__"] = metadata;
    std::set<std::string_view> names;
    std::uint64_t at = 0;
    for (const TensorToWrite& tensor : tensors) {
        std::int64_t count = 0;
        DWUBIT_CHECK(element_count(tensor.shape, &count));
        DWUBIT_CHECK(static_cast<std::uint64_t>(count) * dtype_size(tensor.dtype) == tensor.bytes.size());
        DWUBIT_CHECK(names.insert(tensor.name).second && !tensor.name.starts_with(kPaddingPrefix));
        const std::uint64_t gap = to_next_multiple(at);
        if (gap > 0) {
            layout.padding.push_back(std::string(kPaddingPrefix) + tensor.name);
            json[layout.padding.back()] = entry(DType::kU8, {static_cast<std::int64_t>(gap)}, at, gap);
        }
        layout.gaps.push_back(gap);
        json[tensor.name] = entry(tensor.dtype, tensor.shape, at + gap, tensor.bytes.size());
        at += gap + tensor.bytes.size();
    }
    std::string text = dump_json(json);
    text.append(to_next_multiple(kLengthBytes + text.size()), ' ');
    for (std::uint64_t i = 0; i < kLengthBytes; ++i) {
        layout.header.push_back(static_cast<char>(text.size() >> (8 * i) & 0xFF));
    }
    layout.header += text;
    return layout;
}

}  // namespace

void aligned_sizes_first(std::vector<TensorToWrite>& tensors) {
    std::stable_partition(tensors.begin(), tensors.end(),
                          [](const TensorToWrite& tensor) { return tensor.bytes.size() % kAlignment == 0; });
}

Result<WrittenFile> write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors,
                                      const std::map<std::string, std::string>& metadata) {
    Layout layout = lay_out(tensors, metadata);
    DWUBIT_ASSIGN(AtomicFile file, AtomicFile::create(path));
    WrittenFile written;
    Sha256 hash;
    const auto write = [&](std::span<const std::byte> bytes) -> Result<void> {
        hash.update(bytes);
        written.bytes += bytes.size();
        return file.write(bytes);
    };
    DWUBIT_TRY(write(std::as_bytes(std::span(layout.header))));
    const std::byte zeros[kAlignment] = {};
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        DWUBIT_TRY(write(std::span(zeros).first(layout.gaps[i])));
        DWUBIT_TRY(write(tensors[i].bytes));
    }
    DWUBIT_TRY(file.commit());
    written.sha256 = hash.hex_digest();
    written.padding = std::move(layout.padding);
    return written;
}

}  // namespace dwubit
