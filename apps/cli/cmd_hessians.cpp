#include <algorithm>
#include <array>
#include <chrono>

#include "arguments.h"
#include "base/error.h"
#include "base/output_folder.h"
#include "base/sha256.h"
#include "base/text.h"
#include "checkpoint/model_folder.h"
#include "command.h"
#include "eval/model_text.h"
#include "hessians/imatrix.h"
#include "hessians/merge.h"
#include "hessians/quip.h"
#include "runtime/model/open_model.h"

namespace dwubit::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 4> kActions = {"merge", "stats", "import", "export"};

constexpr const char* kLong = R"(
merge A B... -o C                  one store of all their rows
stats DIR                          what is in a store
import --from quip DIR -o C        QuIP#'s or QTIP's {layer}_{site}.pt, read without running their pickle
import --from imatrix FILE -o C    llama.cpp's importance matrix, .dat or .gguf: a store of diagonal Hessians
export --to quip DIR -o C          {layer}_{site}.pt as QuIP# reads them
export --to imatrix DIR -o FILE    llama.cpp's importance matrix: FILE.gguf, or its older .dat)";

// The members that the contract asks for; what a store does not say is null.
Json result_object(const HessianStore& store, double seconds) {
    const Json& manifest = store.manifest();
    const auto member = [&](const char* key) { return manifest.contains(key) ? manifest[key] : Json(); };
    std::int64_t nonfinite = 0;
    Json sites = Json::array();
    for (const HessianRecord& record : store.records()) {
        nonfinite += record.nonfinite;
        sites.push_back(to_json(record));
    }
    return {{"hessians", store.folder().string()},
            {"tokens", member("tokens")},
            {"sequences", member("sequences")},
            {"length", member("length")},
            {"dtype", member("dtype")},
            {"nonfinite_rows", nonfinite},
            {"seconds", seconds},
            {"fingerprint", to_json(store.fingerprint())},
            {"sites", std::move(sites)},
            {"resumed_layers", 0}};
}

std::string table_of(const HessianStore& store) {
    std::string text = fmt::format("{}: {} Hessians\n{:>5} {:<5} {:>6} {:>10} {:>12} {:>12} {:>12} {:>5} {:>9}\n",
                                   store.folder().string(), store.records().size(), "layer", "site", "n", "ct",
                                   "trace / n", "diag min", "diag max", "dead", "nonfinite");
    for (const HessianRecord& r : store.records()) {
        text += fmt::format("{:>5} {:<5} {:>6} {:>10} {:>12.5g} {:>12.5g} {:>12.5g} {:>5} {:>9}\n", r.layer,
                            site_name(r.site), r.n, r.ct, r.trace / static_cast<double>(r.n), r.diag_min, r.diag_max,
                            r.dead, r.nonfinite);
    }
    return text;
}

class Hessians final : public Command {
public:
    void declare(CLI::App& app) override {
        app.footer(kLong);
        app.add_option("ACTION", action_, "merge|stats|import|export")->required();
        app.add_option("PATHS", paths_, "stores, or what is imported");
        app.add_option("-o,--output", output_, "what is written; must not exist");
        app.add_option("--from", from_, "import: quip|imatrix");
        app.add_option("--to", to_, "export: quip|imatrix");
        app.add_option("-m,--model", model_, "import: the model that the Hessians are of, for the fingerprint");
        app.add_flag("--overwrite", overwrite_, "replace the output where it exists");
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        start_ = std::chrono::steady_clock::now();
        if (std::find(kActions.begin(), kActions.end(), action_) == kActions.end()) return unknown_action();
        DWUBIT_TRY(check_options());
        if (action_ == "merge") return merge(console);
        if (action_ == "stats") return stats(console);
        if (action_ == "import") return import_files(console, common);
        return export_store(console);
    }

private:
    Error unknown_action() const {
        const std::vector<std::string> names(kActions.begin(), kActions.end());
        const auto nearest = nearest_name(action_, names);
        return errorf(ErrorKind::kUsage, "hessians {}: unknown action", printable(action_))
            .with_hint(nearest ? fmt::format("did you mean '{}'?", *nearest) : "merge, stats, import or export");
    }

    Result<void> check_options() const {
        const std::size_t most = action_ == "merge" ? paths_.size() : 1;
        const std::size_t least = action_ == "merge" ? 2 : 1;
        if (paths_.size() < least || paths_.size() > most) {
            return errorf(ErrorKind::kUsage, "hessians {} takes {}, got {}", action_,
                          least == 2 ? "two stores or more" : "one path", paths_.size())
                .with_hint("dwubit hessians --help");
        }
        DWUBIT_TRY(check_option("-o", output_.has_value(), action_ != "stats"));
        DWUBIT_TRY(check_option("--from", from_.has_value(), action_ == "import"));
        DWUBIT_TRY(check_option("--to", to_.has_value(), action_ == "export"));
        if (model_) DWUBIT_TRY(check_option("--model", true, action_ == "import"));
        for (const auto& [flag, value] : {std::pair("--from", &from_), std::pair("--to", &to_)}) {
            if (value->has_value() && **value != "quip" && **value != "imatrix") {
                return errorf(ErrorKind::kUsage, "{} {}: unknown layout", flag, printable(**value))
                    .with_hint("quip or imatrix");
            }
        }
        return {};
    }

    Result<void> check_option(const char* flag, bool given, bool wanted) const {
        if (given == wanted) return {};
        return errorf(ErrorKind::kUsage, "hessians {} {} {}", action_, wanted ? "needs" : "has no", flag)
            .with_hint("dwubit hessians --help");
    }

    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

    Result<Json> result(const fs::path& folder, Console& console) const {
        DWUBIT_ASSIGN(const HessianStore store, HessianStore::open(folder));
        console.print(table_of(store));
        return result_object(store, seconds());
    }

    Result<Json> stats(Console& console) const { return result(paths_.front(), console); }

    Result<Json> merge(Console& console) const {
        std::vector<HessianStore> stores;
        RunIdentity identity = {{"command", "hessians merge"}};
        for (const fs::path& path : paths_) {
            DWUBIT_ASSIGN(HessianStore store, HessianStore::open(path));
            identity.emplace_back("store", store.sha256());
            stores.push_back(std::move(store));
        }
        DWUBIT_TRY(merged_fingerprint(stores));
        DWUBIT_ASSIGN(OutputFolder folder, OutputFolder::open(*output_, std::move(identity), overwrite_));
        DWUBIT_TRY(merge_hessians(stores, folder.partial(), console.progress()));
        DWUBIT_TRY(folder.finish());
        return result(folder.path(), console);
    }

    // What --model says; otherwise everything is unknown.
    Result<HessianFingerprint> fingerprint(Console& console, const CommonOptions& common) const {
        HessianFingerprint known;
        if (!model_) {
            console.warn(
                "the model of these Hessians is not known: give it with --model, or every model will take them");
            return known;
        }
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const HfDir directory, open_model_files(*model_));
        DWUBIT_ASSIGN(known.model, model_sha256(directory, *pool));
        DWUBIT_ASSIGN(const auto tokenizer, tokenizer_sha256(directory));
        known.tokenizer = tokenizer.value_or("");
        return known;
    }

    Result<Json> import_files(Console& console, const CommonOptions& common) const {
        const fs::path& source = paths_.front();
        DWUBIT_ASSIGN(HessianFingerprint known, fingerprint(console, common));
        RunIdentity identity = {{"command", "hessians import " + *from_},
                                {"source", printable(source.string(), 4096)},
                                {"model", known.model}};
        DWUBIT_ASSIGN(OutputFolder folder, OutputFolder::open(*output_, std::move(identity), overwrite_));
        if (*from_ == "quip") {
            DWUBIT_ASSIGN(const QuipImport done,
                          import_quip(source, folder.partial(), std::move(known), console.progress()));
            if (done.without_mean > 0) {
                console.warn(fmt::format("{} of {} files have no mean of the inputs: it is taken as zero",
                                         done.without_mean, done.files));
            }
        } else {
            DWUBIT_TRY(import_imatrix_file(source, folder.partial(), std::move(known), console));
        }
        DWUBIT_TRY(folder.finish());
        return result(folder.path(), console);
    }

    static Result<void> import_imatrix_file(const fs::path& path, const fs::path& folder, HessianFingerprint known,
                                            Console& console) {
        DWUBIT_ASSIGN(const MappedFile file, MappedFile::open(path));
        DWUBIT_ASSIGN(const Imatrix imatrix, parse_imatrix(file.bytes(), path.string()));
        DWUBIT_ASSIGN(const std::int64_t others,
                      import_imatrix(imatrix, folder, std::move(known), console.progress()).context(path.string()));
        console.warn(
            "an importance matrix has the diagonals only: methods that use whole Hessians gain little from it");
        if (others > 0) console.warn(fmt::format("{} entries are of no layer's linear, and left out", others));
        return {};
    }

    Result<Json> export_store(Console& console) const {
        DWUBIT_ASSIGN(const HessianStore store, HessianStore::open(paths_.front()));
        if (*to_ == "quip") {
            DWUBIT_ASSIGN(OutputFolder folder,
                          OutputFolder::open(*output_, {{"command", "hessians export quip"}, {"store", store.sha256()}},
                                             overwrite_));
            DWUBIT_TRY(export_quip(store, folder.partial(), console.progress()));
            DWUBIT_TRY(folder.finish());
        } else {
            std::error_code code;
            if (!overwrite_ && fs::exists(*output_, code)) {
                return errorf(ErrorKind::kUsage, "output {} exists", output_->string())
                    .with_hint("choose another file with -o, or --overwrite");
            }
            DWUBIT_ASSIGN(const Imatrix imatrix, imatrix_of(store, console.progress()));
            DWUBIT_TRY(write_imatrix(*output_, imatrix));
        }
        console.print(fmt::format("{}: {} Hessians as {}\n", output_->string(), store.records().size(), *to_));
        Json object = result_object(store, seconds());
        object["path"] = output_->string();
        object["layout"] = *to_;
        return object;
    }

    std::string action_;
    std::vector<fs::path> paths_;
    std::optional<fs::path> output_;
    std::optional<std::string> from_;
    std::optional<std::string> to_;
    std::optional<fs::path> model_;
    bool overwrite_ = false;
    std::chrono::steady_clock::time_point start_;
};

}  // namespace

std::unique_ptr<Command> make_hessians() {
    return std::make_unique<Hessians>();
}

}  // namespace dwubit::cli
