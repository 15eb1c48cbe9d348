#include <dlfcn.h>

#include "base/error.h"
#include "lab_api/lab_api.h"

namespace dwubit {
namespace {

constexpr const char* kFile = "libdwubit_lab.so";

// The folder of the library that this code is in.
std::filesystem::path own_folder() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr) return {};
    return std::filesystem::path(info.dli_fname).parent_path();
}

Result<const LabApi*> load() {
    const std::filesystem::path file = own_folder() / kFile;
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) {
        return errorf(ErrorKind::kUnsupported, "this build has no lab: {} is not there", file.string())
            .with_hint("install libtorch-dev and build without -DDWUBIT_LAB=OFF");
    }
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return errorf(ErrorKind::kUnsupported, "cannot load the lab: {}", dlerror())
            .with_hint("install libtorch (Debian: libtorch-dev libopenblas0-pthread), or build again");
    }
    using EntryPoint = const LabApi* (*)();
    const auto entry = reinterpret_cast<EntryPoint>(dlsym(library, kLabEntryPoint));
    if (entry == nullptr) return errorf(ErrorKind::kUnsupported, "{} has no {}", file.string(), kLabEntryPoint);
    const LabApi* const api = entry();
    if (api == nullptr || api->version != kLabApiVersion) {
        return errorf(ErrorKind::kUnsupported, "{} is of another build of dwubit", file.string())
            .with_hint("build again");
    }
    return api;
}

}  // namespace

Result<const LabApi*> open_lab() {
    static const Result<const LabApi*> api = load();
    return api;
}

}  // namespace dwubit
