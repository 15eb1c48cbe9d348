// hessians.json: written, and read with every member checked.
#include <algorithm>
#include <limits>
#include <tuple>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "hessians/hessian_file.h"

namespace dwubit {
namespace {

constexpr std::string_view kFormat = "dwubit_hessians";
constexpr std::int64_t kVersion = 1;
constexpr double kMaxDouble = std::numeric_limits<double>::max();

Result<HessianRecord> read_record(const Json& json, const std::string& where) {
    if (!json.is_object()) return errorf(ErrorKind::kInvalidInput, "{} must be an object", where);
    const Fields fields(json, where);
    HessianRecord record;
    DWUBIT_ASSIGN(record.layer, fields.integer("layer", 0, kMaxLayers));
    DWUBIT_ASSIGN(const std::string site, fields.string("site"));
    DWUBIT_ASSIGN(record.site, site_from_name(site));
    DWUBIT_ASSIGN(record.n, fields.integer("n", 1, kMaxHessianSize));
    DWUBIT_ASSIGN(record.ct, fields.integer("ct", 1, kMaxRows));
    DWUBIT_ASSIGN(record.nonfinite, fields.integer("nonfinite", 0, kMaxRows));
    DWUBIT_ASSIGN(record.trace, fields.number("trace", 0, kMaxDouble));
    DWUBIT_ASSIGN(record.diag_min, fields.number("diag_min", 0, kMaxDouble));
    DWUBIT_ASSIGN(record.diag_max, fields.number("diag_max", 0, kMaxDouble));
    DWUBIT_ASSIGN(record.dead, fields.integer("dead", 0, record.n));
    DWUBIT_ASSIGN(record.file, fields.string("file"));
    // One name per place: nothing outside the folder can be meant.
    const std::string name = hessian_file_name(record.layer, record.site);
    if (record.file != name) return fields.invalid("file", "'" + name + "'");
    DWUBIT_ASSIGN(record.sha256, fields.string("sha256"));
    return record;
}

Result<std::vector<HessianRecord>> read_records(const Json& list, const std::string& where) {
    std::vector<HessianRecord> records;
    for (const Json& row : list) {
        auto record = read_record(row, fmt::format("{}: sites[{}]", where, records.size()));
        if (!record.ok()) return std::move(record).error();
        records.push_back(std::move(*record));
    }
    const auto place = [](const HessianRecord& record) { return std::tie(record.layer, record.site); };
    std::sort(records.begin(), records.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
    const auto twice = std::adjacent_find(records.begin(), records.end(),
                                          [&](const auto& a, const auto& b) { return place(a) == place(b); });
    if (twice != records.end()) {
        return errorf(ErrorKind::kInvalidInput, "{}: {} is there twice", where, place_name(twice->layer, twice->site));
    }
    return records;
}

}  // namespace

Json to_json(const HessianRecord& record) {
    return {{"layer", record.layer},
            {"site", site_name(record.site)},
            {"n", record.n},
            {"ct", record.ct},
            {"trace", record.trace},
            {"diag_min", record.diag_min},
            {"diag_max", record.diag_max},
            {"dead", record.dead},
            {"nonfinite", record.nonfinite},
            {"file", record.file},
            {"sha256", record.sha256}};
}

Result<HessianManifest> parse_hessian_manifest(const Json& json, const std::string& where) {
    const Fields fields(json, where);
    DWUBIT_ASSIGN(const std::string format, fields.string("format", std::string()));
    if (!json.is_object() || format != kFormat) {
        return errorf(ErrorKind::kInvalidInput, "{} is not of a Hessian store: 'format' must be '{}'", where, kFormat);
    }
    DWUBIT_ASSIGN(const std::int64_t version, fields.integer("version", 0, INT64_MAX));
    if (version != kVersion) {
        return errorf(ErrorKind::kUnsupported, "{}: version {} of the Hessian store; this build reads version {}",
                      where, version, kVersion);
    }
    HessianManifest manifest;
    DWUBIT_ASSIGN(manifest.complete, fields.boolean("complete"));
    DWUBIT_ASSIGN(const Json* fingerprint, fields.object("fingerprint"));
    DWUBIT_ASSIGN(manifest.fingerprint, fingerprint_from_json(*fingerprint, where + ": fingerprint"));
    DWUBIT_ASSIGN(const std::string digest_there, fields.string("fingerprint_sha256"));
    if (digest_there != digest(manifest.fingerprint)) {
        return errorf(ErrorKind::kInvalidInput, "{}: fingerprint_sha256 does not fit the fingerprint", where)
            .with_hint("the file was changed after it was written");
    }
    DWUBIT_ASSIGN(const Json* sites, fields.array("sites"));
    DWUBIT_ASSIGN(manifest.records, read_records(*sites, where));
    if (fields.has("progress")) {
        DWUBIT_ASSIGN(const Json* progress, fields.object("progress"));
        manifest.progress = *progress;
    }
    manifest.json = json;
    return manifest;
}

std::string manifest_text(const HessianManifest& manifest, const Json& extra) {
    Json json = {{"format", kFormat},
                 {"version", kVersion},
                 {"complete", manifest.complete},
                 {"fingerprint", to_json(manifest.fingerprint)},
                 {"fingerprint_sha256", digest(manifest.fingerprint)},
                 {"sites", Json::array()}};
    for (const HessianRecord& record : manifest.records) json["sites"].push_back(to_json(record));
    if (!manifest.complete) json["progress"] = manifest.progress;
    for (const auto& [key, value] : extra.items()) {
        DWUBIT_CHECK(!json.contains(key));
        json[key] = value;
    }
    return dump_json(json, 1) + "\n";
}

}  // namespace dwubit
