#include "hessians/hessian_file.h"

#include <charconv>
#include <cstring>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"

namespace dwubit {
namespace {

constexpr std::string_view kFormat = "dwubit_hessian";
constexpr std::int64_t kVersion = 1;

using Metadata = std::map<std::string, std::string>;

Result<std::string> text_of(const Metadata& metadata, const std::string& key) {
    const auto at = metadata.find(key);
    if (at != metadata.end()) return at->second;
    return errorf(ErrorKind::kInvalidInput, "its metadata has no '{}': this is not a file of a Hessian store", key);
}

Result<std::int64_t> integer_of(const Metadata& metadata, const std::string& key, std::int64_t min, std::int64_t max) {
    DWUBIT_ASSIGN(const std::string text, text_of(metadata, key));
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value < min || value > max) {
        return errorf(ErrorKind::kInvalidInput, "metadata '{}' must be an integer from {} to {}, got '{}'", key, min,
                      max, printable(text, 40));
    }
    return value;
}

Result<HessianFile> read_metadata(const Metadata& metadata) {
    DWUBIT_ASSIGN(const std::string format, text_of(metadata, "format"));
    if (format != kFormat) {
        return errorf(ErrorKind::kInvalidInput, "metadata 'format' must be {}, got '{}'", kFormat,
                      printable(format, 40));
    }
    DWUBIT_ASSIGN(const std::int64_t version, integer_of(metadata, "version", 0, INT64_MAX));
    if (version != kVersion) {
        return errorf(ErrorKind::kUnsupported, "version {} of the Hessian file; this build reads version {}", version,
                      kVersion);
    }
    DWUBIT_ASSIGN(const std::string centered, text_of(metadata, "centered"));
    if (centered != "false") {
        return errorf(ErrorKind::kInvalidInput, "metadata 'centered' must be 'false', got '{}'",
                      printable(centered, 40));
    }
    HessianFile file;
    DWUBIT_ASSIGN(file.layer, integer_of(metadata, "layer", 0, kMaxLayers));
    DWUBIT_ASSIGN(const std::string site, text_of(metadata, "site"));
    DWUBIT_ASSIGN(file.site, site_from_name(site));
    DWUBIT_ASSIGN(file.fingerprint, text_of(metadata, "fingerprint"));
    DWUBIT_ASSIGN(file.hessian.n, integer_of(metadata, "n", 1, kMaxHessianSize));
    DWUBIT_ASSIGN(file.hessian.ct, integer_of(metadata, "ct", 1, kMaxRows));
    DWUBIT_ASSIGN(file.hessian.nonfinite, integer_of(metadata, "nonfinite", 0, kMaxRows));
    return file;
}

Result<void> read_values(const TensorTable& table, const char* name, std::int64_t count, HessianParts parts,
                         std::vector<float>& out) {
    DWUBIT_ASSIGN(const TensorView* tensor, table.require(name, {count}));
    if (tensor->dtype != DType::kF32) {
        return errorf(ErrorKind::kInvalidInput, "{} must be F32, got {}", name, dtype_name(tensor->dtype));
    }
    if (parts == HessianParts::kHeader) return {};
    out.resize(static_cast<std::size_t>(count));
    std::memcpy(out.data(), tensor->bytes.data(), tensor->bytes.size());
    return {};
}

Result<HessianFile> parse(std::span<const std::byte> bytes, const std::string& name, HessianParts parts) {
    TensorTable table;
    DWUBIT_ASSIGN(const SafetensorsHeader header, parse_safetensors(bytes, name, table));
    auto file = read_metadata(header.metadata);
    if (!file.ok()) {
        file.error().message = fmt::format("{}: {}", name, file.error().message);
        return file;
    }
    const std::int64_t n = file->hessian.n;
    DWUBIT_TRY(read_values(table, "flatH", n * (n + 1) / 2, parts, file->hessian.triangle));
    DWUBIT_TRY(read_values(table, "mu", n, parts, file->hessian.mu));
    return file;
}

}  // namespace

Result<WrittenFile> write_hessian_file(const std::filesystem::path& path, std::int64_t layer, Site site,
                                       const Hessian& hessian, const std::string& fingerprint) {
    const TensorToWrite tensors[] = {
        {"flatH", DType::kF32, {hessian.n * (hessian.n + 1) / 2}, std::as_bytes(std::span(hessian.triangle))},
        {"mu", DType::kF32, {hessian.n}, std::as_bytes(std::span(hessian.mu))}};
    return write_safetensors(path, tensors,
                             {{"format", std::string(kFormat)},
                              {"version", std::to_string(kVersion)},
                              {"layer", std::to_string(layer)},
                              {"site", std::string(site_name(site))},
                              {"n", std::to_string(hessian.n)},
                              {"ct", std::to_string(hessian.ct)},
                              {"nonfinite", std::to_string(hessian.nonfinite)},
                              {"centered", "false"},
                              {"fingerprint", fingerprint}});
}

Result<HessianFile> parse_hessian_file(std::span<const std::byte> file, const std::string& name, HessianParts parts) {
    return parse(file, name, parts);
}

Result<void> check_record_file(const std::filesystem::path& folder, const HessianRecord& record,
                               const std::string& fingerprint) {
    DWUBIT_ASSIGN(const MappedFile mapped, MappedFile::open(folder / record.file));
    DWUBIT_ASSIGN(const HessianFile file, parse_hessian_file(mapped.bytes(), record.file, HessianParts::kHeader));
    const bool same = file.layer == record.layer && file.site == record.site && file.hessian.n == record.n &&
                      file.hessian.ct == record.ct && file.hessian.nonfinite == record.nonfinite;
    if (same && file.fingerprint == fingerprint) return {};
    return errorf(ErrorKind::kInvalidInput, "{}: it is {} of n = {}, ct = {}{}; {} says {} of n = {}, ct = {}",
                  record.file, place_name(file.layer, file.site), file.hessian.n, file.hessian.ct,
                  file.fingerprint == fingerprint ? "" : ", of another store", kHessianManifest,
                  place_name(record.layer, record.site), record.n, record.ct);
}

}  // namespace dwubit
