// One file of a Hessian store, and hessians.json as text: the two readers that see a stranger's bytes.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/safetensors_writer.h"
#include "hessians/hessian_store.h"

namespace dwubit {

// "3_down.safetensors"
std::string hessian_file_name(std::int64_t layer, Site site);
// "layer 3 site down", as messages say it.
std::string place_name(std::int64_t layer, Site site);

// Writes one file atomically. REQUIRES: check_hessian() passed.
Result<WrittenFile> write_hessian_file(const std::filesystem::path& path, std::int64_t layer, Site site,
                                       const Hessian& hessian, const std::string& fingerprint);

struct HessianFile {
    std::int64_t layer = 0;
    Site site = Site::kQkv;
    std::string fingerprint;  // digest()
    Hessian hessian;
};

// Metadata and shapes only, or with values; `file` is the whole file. Values are not checked: check_hessian().
enum class HessianParts { kHeader, kAll };
Result<HessianFile> parse_hessian_file(std::span<const std::byte> file, const std::string& name, HessianParts parts);

struct HessianManifest {
    bool complete = false;
    HessianFingerprint fingerprint;
    std::vector<HessianRecord> records;  // by layer, then site; each once
    Json progress = Json::object();
    Json json;
};

// Checks every member; `where` names the file in messages.
Result<HessianManifest> parse_hessian_manifest(const Json& json, const std::string& where);
// `extra` members come beside ours; REQUIRES: other names than ours.
std::string manifest_text(const HessianManifest& manifest, const Json& extra);

// The record's file is in `folder`, is a Hessian of that layer, site and size, and is not cut short.
Result<void> check_record_file(const std::filesystem::path& folder, const HessianRecord& record,
                               const std::string& fingerprint);

// What the record says of a Hessian: sums and extremes of its diagonal.
HessianRecord describe_hessian(std::int64_t layer, Site site, const Hessian& hessian);

inline constexpr std::int64_t kMaxHessianSize = 1 << 20;
inline constexpr std::int64_t kMaxLayers = 1 << 20;
inline constexpr std::int64_t kMaxRows = std::int64_t{1} << 60;
inline constexpr const char* kHessianManifest = "hessians.json";

}  // namespace dwubit
