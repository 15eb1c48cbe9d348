// The Hessian store: H = sum x xT / ct of the inputs of every linear, in the model's own basis, collected once and read
// by every method (docs/formats/hessian-store.md).
//
// A folder with hessians.json and one safetensors file per (layer, site), `{layer}_{site}.safetensors`:
//   flatH   F32 [n (n + 1) / 2]   lower triangle row by row, uncentred
//   mu      F32 [n]               mean of the inputs
//   metadata: format "dwubit_hessian", version, layer, site, n, ct, nonfinite, centered "false", fingerprint
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

// Linears with the same input share a Hessian: q, k, v / o / gate, up / down. Names as QuIP# has them.
enum class Site { kQkv, kO, kUp, kDown };
inline constexpr Site kSites[] = {Site::kQkv, Site::kO, Site::kUp, Site::kDown};

std::string_view site_name(Site site);  // "qkv", "o", "up", "down"
Result<Site> site_from_name(std::string_view name);

// What a store was made from. Hashes are SHA-256 in hex, empty where unknown (imported files).
struct HessianFingerprint {
    std::string model;               // model_sha256()
    std::string tokenizer;           // of tokenizer.json
    std::string corpus;              // of the corpus file; of several, merged
    std::string chat_template;       // empty = plain text
    Json settings = Json::object();  // sequences, length, dtype, add_bos, doc_end, field, first sequence
};

Json to_json(const HessianFingerprint& fingerprint);
Result<HessianFingerprint> fingerprint_from_json(const Json& value, const std::string& where);
// SHA-256 of the canonical JSON.
std::string digest(const HessianFingerprint& fingerprint);
// One line per difference: "corpus: 12ab34cd... here, 98ef76... in the store". Unknown (empty) fields never differ.
std::vector<std::string> differences(const HessianFingerprint& here, const HessianFingerprint& store);

struct Hessian {
    std::int64_t n = 0;           // input features
    std::int64_t ct = 0;          // rows (tokens) summed
    std::int64_t nonfinite = 0;   // rows left out for NaN or infinity
    std::vector<float> triangle;  // [n (n + 1) / 2]
    std::vector<float> mu;        // [n]
};

struct HessianRecord {
    std::int64_t layer = 0;
    Site site = Site::kQkv;
    std::int64_t n = 0;
    std::int64_t ct = 0;
    std::int64_t nonfinite = 0;
    double trace = 0;
    double diag_min = 0;
    double diag_max = 0;
    std::int64_t dead = 0;  // zeros on the diagonal
    std::string file;
    std::string sha256;
};

// The row of `sites` in JSON: {layer, site, n, ct, trace, diag_min, diag_max, dead, nonfinite, file, sha256}.
Json to_json(const HessianRecord& record);

// Errors: sizes that do not fit, NaN or infinity (InvalidInput naming layer, site and the first bad [row, column]), a
// negative diagonal, ct < 1. `where` names it in messages.
Result<void> check_hessian(const Hessian& hessian, const std::string& where);

class HessianStore {
public:
    // Reads and checks hessians.json and that every file is there with the size its n asks for.
    static Result<HessianStore> open(const std::filesystem::path& folder);

    const std::filesystem::path& folder() const { return folder_; }
    const HessianFingerprint& fingerprint() const { return fingerprint_; }
    const std::vector<HessianRecord>& records() const { return records_; }  // by layer, then site
    const HessianRecord* find(std::int64_t layer, Site site) const;
    const Json& manifest() const { return manifest_; }  // hessians.json
    std::string sha256() const { return sha256_; }      // of hessians.json, which has the hashes of all files

    // Reads one file, verifies its hash and runs check_hessian(). Thread-safe.
    Result<Hessian> load(std::int64_t layer, Site site) const;

private:
    std::filesystem::path folder_;
    HessianFingerprint fingerprint_;
    std::vector<HessianRecord> records_;
    Json manifest_;
    std::string sha256_;
};

// Fills a folder (the partial one of an OutputFolder) site by site. After flush() a killed process can go on from what
// was there: `hessians.json` is rewritten atomically with "complete": false until finish().
class HessianStoreWriter {
public:
    // An empty folder, or the remains of a writer with the same fingerprint; others are an error that says what
    // differs.
    static Result<HessianStoreWriter> open(const std::filesystem::path& folder, HessianFingerprint fingerprint);

    // Records that are on disk already, after a restart.
    const std::vector<HessianRecord>& records() const { return records_; }

    // Checks and writes one file (atomically); replaces an earlier one of that layer and site.
    Result<void> add(std::int64_t layer, Site site, const Hessian& hessian);
    // Makes what was added last; `progress` is kept in the file for the caller ("next_layer": 3).
    Result<void> flush(const Json& progress = Json::object());
    const Json& progress() const { return progress_; }
    // hessians.json with "complete": true and the members of `extra` (tokens, sequences, ...).
    Result<void> finish(const Json& extra);

private:
    std::filesystem::path folder_;
    HessianFingerprint fingerprint_;
    std::vector<HessianRecord> records_;
    Json progress_;
};

}  // namespace dwubit
