#include "hessians/quip.h"

#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <system_error>
#include <tuple>

#include "base/error.h"
#include "hessians/hessian_file.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

using Place = std::tuple<std::int64_t, Site>;

void copy_floats(const PtValue& tensor, std::vector<float>& out) {
    out.resize(tensor.bytes.size() / sizeof(float));
    std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
}

// H + sign * mu muT, in double precision.
void add_outer_product(Hessian& hessian, double sign) {
    std::size_t at = 0;
    for (std::size_t row = 0; row < hessian.mu.size(); ++row) {
        const double scale = sign * static_cast<double>(hessian.mu[row]);
        for (std::size_t column = 0; column <= row; ++column, ++at) {
            hessian.triangle[at] = static_cast<float>(static_cast<double>(hessian.triangle[at]) +
                                                      scale * static_cast<double>(hessian.mu[column]));
        }
    }
}

// "12_qkv.pt"
std::optional<Place> place_of(const std::string& name) {
    constexpr std::string_view kEnding = ".pt";
    const std::size_t underscore = name.find('_');
    if (underscore == std::string::npos || !name.ends_with(kEnding)) return std::nullopt;
    std::int64_t layer = 0;
    const char* const end = name.data() + underscore;
    const auto [stop, code] = std::from_chars(name.data(), end, layer);
    const auto site =
        site_from_name(std::string_view(name).substr(underscore + 1, name.size() - underscore - 1 - kEnding.size()));
    const bool plain = code == std::errc() && stop == end && layer >= 0 && layer <= kMaxLayers && site.ok();
    if (!plain || name != fmt::format("{}_{}{}", layer, site_name(*site), kEnding)) return std::nullopt;
    return Place(layer, *site);
}

Result<std::map<Place, fs::path>> find_files(const fs::path& folder) {
    std::map<Place, fs::path> files;
    std::error_code code;
    for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
        if (const auto place = place_of(at->path().filename().string())) files.emplace(*place, at->path());
    }
    if (code) {
        const ErrorKind kind = code == std::errc::no_such_file_or_directory ? ErrorKind::kNotFound : ErrorKind::kIo;
        return errorf(kind, "cannot read folder {}: {}", folder.string(), code.message());
    }
    if (files.empty()) {
        return errorf(ErrorKind::kInvalidInput, "{} has no file named like 0_qkv.pt", folder.string())
            .with_hint("QuIP# saves one file per layer and site: {layer}_{qkv|o|up|down}.pt");
    }
    return files;
}

}  // namespace

Result<QuipHessian> read_quip_hessian(const PtFile& file, const std::string& where) {
    QuipHessian read;
    Hessian& hessian = read.hessian;
    DWUBIT_ASSIGN(hessian.n, file.integer("n", 1, kMaxHessianSize));
    DWUBIT_ASSIGN(hessian.ct, file.integer("ct", 1, kMaxRows));
    DWUBIT_ASSIGN(const PtValue* flat, file.tensor("flatH", DType::kF32, {hessian.n * (hessian.n + 1) / 2}));
    copy_floats(*flat, hessian.triangle);
    hessian.mu.assign(static_cast<std::size_t>(hessian.n), 0.0F);
    if (file.find("mu") != nullptr) {
        DWUBIT_ASSIGN(const PtValue* mu, file.tensor("mu", DType::kF32, {hessian.n}));
        copy_floats(*mu, hessian.mu);
        add_outer_product(hessian, 1);
        read.mean = true;
    }
    DWUBIT_TRY(check_hessian(hessian, where));
    return read;
}

Result<QuipImport> import_quip(const fs::path& from, const fs::path& folder, HessianFingerprint fingerprint,
                               ProgressSink& progress) {
    DWUBIT_ASSIGN(const auto files, find_files(from));
    fingerprint.settings = {{"source", "quip"}};
    DWUBIT_ASSIGN(HessianStoreWriter writer, HessianStoreWriter::open(folder, std::move(fingerprint)));
    QuipImport done;
    progress.begin("import", std::ssize(files), "files");
    for (const auto& [place, path] : files) {
        const auto [layer, site] = place;
        DWUBIT_ASSIGN(const PtFile file, PtFile::open(path));
        DWUBIT_ASSIGN(const QuipHessian read,
                      read_quip_hessian(file, place_name(layer, site)).context("file " + path.string()));
        DWUBIT_TRY(writer.add(layer, site, read.hessian));
        if (!read.mean) ++done.without_mean;
        progress.update(++done.files);
    }
    progress.end();
    DWUBIT_TRY(writer.finish(Json::object()));
    return done;
}

Result<void> export_quip(const HessianStore& store, const fs::path& folder, ProgressSink& progress) {
    progress.begin("export", std::ssize(store.records()), "files");
    std::int64_t done = 0;
    for (const HessianRecord& record : store.records()) {
        DWUBIT_ASSIGN(Hessian hessian, store.load(record.layer, record.site));
        add_outer_product(hessian, -1);
        const PtMember members[] = {
            {"flatH",
             PtTensor{DType::kF32, {std::ssize(hessian.triangle)}, std::as_bytes(std::span(hessian.triangle))}},
            {"mu", PtTensor{DType::kF32, {hessian.n}, std::as_bytes(std::span(hessian.mu))}},
            {"n", hessian.n},
            {"ct", hessian.ct}};
        DWUBIT_TRY(write_pt(folder / fmt::format("{}_{}.pt", record.layer, site_name(record.site)), members));
        progress.update(++done);
    }
    progress.end();
    return {};
}

}  // namespace dwubit
