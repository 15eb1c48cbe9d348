// The door to the lab: what libdwubit_lab.so offers, in standard types, and how it is opened (ADR 0001).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/thread_pool.h"
#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

// What every lab command works with.
struct LabContext {
    ThreadPool& pool;
    ProgressSink& progress;
    std::string device = "cpu";  // "cpu", "cuda", "cuda:1"
    std::uint64_t seed = 0;
    std::function<void(std::string)> warn;  // a line for the user and the JSON object's `warnings`
};

struct CalibrateRequest {
    std::filesystem::path model;
    std::filesystem::path data;
    std::filesystem::path output;
    std::string field = "text";
    bool add_bos = true;
    std::optional<std::string> document_end;  // --doc-end as given
    std::int64_t sequences = 512;
    std::int64_t length = 1024;
    std::string dtype = "float32";  // or "bfloat16"
    bool overwrite = false;
};

struct QuantizeRequest {
    std::filesystem::path model;
    std::filesystem::path output;
    std::optional<std::filesystem::path> hessians;
    std::string method;
    std::optional<std::string> recipe;                          // unset = the method's default
    std::vector<std::pair<std::string, std::string>> settings;  // --set key=value, in order
    std::optional<std::string> layers;                          // --layers 0,3-5
    bool overwrite = false;
};

// What a QuantizeRequest's method, recipe and settings come to.
struct ResolvedOptions {
    std::string recipe;
    Json parameters;  // every option of the method
    bool needs_hessians = false;
};

struct LabApi {
    int version;  // kLabApiVersion of the build it comes from
    // Each returns the members of the command's JSON object (design: the command-line contract).
    Result<Json> (*calibrate)(const CalibrateRequest& request, LabContext& context);
    Result<Json> (*quantize)(const QuantizeRequest& request, LabContext& context);
    // Looks at no file. A usage error names the method, recipe or option and what would be right.
    Result<ResolvedOptions> (*resolve)(const QuantizeRequest& request);
    // {"methods": [...]}
    Result<Json> (*methods)();
    // {"torch": "1.13.1", "blas": "OpenBLAS 0.3.21 ...", "cuda": false}
    Json (*describe)();
};

inline constexpr int kLabApiVersion = 2;
inline constexpr const char* kLabEntryPoint = "dwubit_lab_api";

// Loads libdwubit_lab.so from the folder of libdwubit.so, once. Unsupported, with what to install, where this build has
// none or it cannot be loaded.
Result<const LabApi*> open_lab();

}  // namespace dwubit
