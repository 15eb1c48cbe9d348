// A study file: which model, which text, which methods, what is measured, and what it may cost (docs/studies.md).
//
// TOML. Paths are relative to the file. Unknown keys are errors with the nearest known key as hint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dwubit/result.h"

namespace dwubit {

// [methods]: one quantized model, by the name of its line.
struct StudyMethod {
    std::string id;                                             // names its folders: models/<id>, results/<id>
    std::string method;                                         // default: the id
    std::optional<std::string> recipe;                          // unset: the method's default
    std::vector<std::pair<std::string, std::string>> settings;  // set = {key = value}, in the file's order
    std::optional<std::string> layers;                          // as --layers
};

struct StudyCorpus {
    std::filesystem::path calibration;
    std::filesystem::path heldout;
    std::string field = "text";
    bool add_bos = true;
    std::optional<std::string> document_end;
};

struct StudyCalibration {
    std::int64_t sequences = 512;
    std::int64_t length = 1024;
    std::string dtype = "float32";
};

struct StudyPerplexity {
    std::int64_t window = 1024;
    std::string convention = "carry";
    std::optional<std::int64_t> limit;  // windows at most
    bool kl = true;                     // divergence from the base too
    std::string act = "auto";
};

struct StudyEval {
    std::vector<std::string> tasks;
    std::vector<std::filesystem::path> include;
    std::vector<std::filesystem::path> datasets;
    std::optional<std::int64_t> num_fewshot;
    std::optional<double> limit;
    std::int64_t bootstrap_iters = 100'000;
    std::string harness = "0.4";
    std::string act = "auto";
};

// What the whole may cost; a study that would cost more does not begin.
struct StudyBudget {
    std::optional<double> hours;
    std::optional<double> usd;
    double usd_per_hour = 0;
    std::optional<double> memory_gb;
    std::optional<double> disk_gb;
};

struct Study {
    std::filesystem::path file;
    std::string sha256;  // of the file
    std::string name;    // default: the file's name
    std::string title;
    std::filesystem::path model;
    std::string model_hint;  // what to do where the model is not there; may be empty
    std::uint64_t seed = 0;
    StudyCorpus corpus;
    StudyCalibration calibration;
    std::optional<StudyPerplexity> perplexity;  // unset: not measured
    std::optional<StudyEval> eval;
    std::vector<StudyMethod> methods;  // in the file's order
    StudyBudget budget;
};

// Id of the unquantized model in a study's folders and reports; no method may have it.
inline constexpr std::string_view kBaseId = "base";

// Errors name file, line, table and key. Whether files, methods and options exist is not looked at.
Result<Study> parse_study(std::string_view text, const std::filesystem::path& file);
// parse_study() of a file.
Result<Study> read_study(const std::filesystem::path& file);

}  // namespace dwubit
