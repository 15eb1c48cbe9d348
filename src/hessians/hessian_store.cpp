// The folder: opened and read by methods, filled by calibration.
#include "hessians/hessian_store.h"

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/atomic_file.h"
#include "base/check.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "hessians/hessian_file.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{256} << 20;

struct ManifestFile {
    HessianManifest manifest;
    std::string sha256;
};

Result<ManifestFile> read_manifest(const fs::path& folder) {
    const fs::path path = folder / kHessianManifest;
    DWUBIT_ASSIGN(const std::string text, read_file(path, kMaxManifestBytes));
    DWUBIT_ASSIGN(const Json json, parse_json(text).context("file " + path.string()));
    DWUBIT_ASSIGN(HessianManifest manifest, parse_hessian_manifest(json, path.string()));
    return ManifestFile{std::move(manifest), sha256_hex(text)};
}

Result<void> check_files(const fs::path& folder, const HessianManifest& manifest) {
    const std::string fingerprint = digest(manifest.fingerprint);
    for (const HessianRecord& record : manifest.records) {
        DWUBIT_TRY(check_record_file(folder, record, fingerprint).context("Hessian store " + folder.string()));
    }
    return {};
}

}  // namespace

Result<HessianStore> HessianStore::open(const fs::path& folder) {
    std::error_code ignored;
    if (!fs::exists(folder, ignored)) {
        return errorf(ErrorKind::kNotFound, "Hessian store {} does not exist", folder.string())
            .with_hint("dwubit calibrate makes one");
    }
    if (!fs::exists(folder / kHessianManifest, ignored)) {
        return errorf(ErrorKind::kInvalidInput, "{} is not a Hessian store: it has no {}", folder.string(),
                      kHessianManifest)
            .with_hint("dwubit calibrate makes one");
    }
    DWUBIT_ASSIGN(ManifestFile file, read_manifest(folder));
    HessianManifest& manifest = file.manifest;
    if (!manifest.complete) {
        return errorf(ErrorKind::kInvalidInput, "Hessian store {} is not complete: calibrate was interrupted",
                      folder.string())
            .with_hint("run the same calibrate command again");
    }
    if (manifest.records.empty()) {
        return errorf(ErrorKind::kInvalidInput, "Hessian store {} has no sites", folder.string());
    }
    DWUBIT_TRY(check_files(folder, manifest));
    HessianStore store;
    store.folder_ = folder;
    store.fingerprint_ = std::move(manifest.fingerprint);
    store.records_ = std::move(manifest.records);
    store.manifest_ = std::move(manifest.json);
    store.sha256_ = std::move(file.sha256);
    return store;
}

const HessianRecord* HessianStore::find(std::int64_t layer, Site site) const {
    const auto at = std::find_if(records_.begin(), records_.end(),
                                 [&](const auto& record) { return record.layer == layer && record.site == site; });
    return at == records_.end() ? nullptr : &*at;
}

Result<Hessian> HessianStore::load(std::int64_t layer, Site site) const {
    const HessianRecord* record = find(layer, site);
    if (record == nullptr) {
        return errorf(ErrorKind::kNotFound, "Hessian store {} has no {}", folder_.string(), place_name(layer, site))
            .with_hint("it was collected from a model with fewer layers, or from other sites");
    }
    const std::string where = place_name(layer, site);
    const std::string context = "file " + (folder_ / record->file).string();
    DWUBIT_ASSIGN(const MappedFile mapped, MappedFile::open(folder_ / record->file));
    DWUBIT_ASSIGN(HessianFile file,
                  parse_hessian_file(mapped.bytes(), record->file, HessianParts::kAll).context(context));
    // Before the hash: NaN and infinity have a better message than a hash has.
    DWUBIT_TRY(check_hessian(file.hessian, where).context(context));
    if (sha256_hex(mapped.bytes()) != record->sha256) {
        return errorf(ErrorKind::kInvalidInput, "{}: the file is not the one that {} names (its SHA-256 differs)",
                      where, kHessianManifest)
            .with_hint("the store is damaged; collect it again")
            .add_context(context);
    }
    if (file.layer != layer || file.site != site || file.hessian.n != record->n || file.hessian.ct != record->ct) {
        return errorf(ErrorKind::kInvalidInput, "{}: the file and {} disagree", where, kHessianManifest)
            .add_context(context);
    }
    return std::move(file.hessian);
}

Result<HessianStoreWriter> HessianStoreWriter::open(const fs::path& folder, HessianFingerprint fingerprint) {
    HessianStoreWriter writer;
    writer.folder_ = folder;
    writer.fingerprint_ = std::move(fingerprint);
    writer.progress_ = Json::object();
    std::error_code ignored;
    if (!fs::exists(folder / kHessianManifest, ignored)) return writer;

    DWUBIT_ASSIGN(ManifestFile file, read_manifest(folder));
    if (digest(file.manifest.fingerprint) != digest(writer.fingerprint_)) {
        const auto lines = differences(writer.fingerprint_, file.manifest.fingerprint);
        return errorf(ErrorKind::kInvalidInput, "{} has the remains of another calibration: {}", folder.string(),
                      lines.empty() ? "its settings differ" : lines.front())
            .with_hint("--overwrite starts anew");
    }
    DWUBIT_TRY(check_files(folder, file.manifest));
    writer.records_ = std::move(file.manifest.records);
    writer.progress_ = std::move(file.manifest.progress);
    return writer;
}

Result<void> HessianStoreWriter::add(std::int64_t layer, Site site, const Hessian& hessian) {
    DWUBIT_CHECK(layer >= 0 && layer <= kMaxLayers);
    DWUBIT_TRY(check_hessian(hessian, place_name(layer, site)));
    HessianRecord record = describe_hessian(layer, site, hessian);
    record.file = hessian_file_name(layer, site);
    DWUBIT_ASSIGN(const WrittenFile written,
                  write_hessian_file(folder_ / record.file, layer, site, hessian, digest(fingerprint_)));
    record.sha256 = written.sha256;
    const auto place = [](const HessianRecord& row) { return std::tie(row.layer, row.site); };
    const auto at = std::lower_bound(records_.begin(), records_.end(), record,
                                     [&](const auto& a, const auto& b) { return place(a) < place(b); });
    if (at != records_.end() && place(*at) == place(record)) {
        *at = std::move(record);
    } else {
        records_.insert(at, std::move(record));
    }
    return {};
}

Result<void> HessianStoreWriter::flush(const Json& progress) {
    progress_ = progress;
    const HessianManifest manifest{false, fingerprint_, records_, progress_, {}};
    return write_file_atomically(folder_ / kHessianManifest, manifest_text(manifest, Json::object()));
}

Result<void> HessianStoreWriter::finish(const Json& extra) {
    const HessianManifest manifest{true, fingerprint_, records_, Json::object(), {}};
    return write_file_atomically(folder_ / kHessianManifest, manifest_text(manifest, extra));
}

}  // namespace dwubit
