#include "study/run_study.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/error.h"
#include "base/folders.h"
#include "base/output_folder.h"
#include "base/sha256.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/utc.h"
#include "dwubit/version.h"
#include "lab_api/lab_api.h"
#include "runtime/cpu/isa.h"
#include "study/collect.h"
#include "study/estimate.h"
#include "study/inputs.h"
#include "study/outputs.h"
#include "study/run_step.h"
#include "study/settings.h"
#include "study/study_report.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// The folder is new, empty, or a study's; a usage error otherwise.
Result<void> check_folder(const fs::path& folder) {
    std::error_code code;
    if (!fs::exists(fs::symlink_status(folder, code))) return {};
    if (!fs::is_directory(folder, code)) {
        return errorf(ErrorKind::kUsage, "output {} exists and is not a folder", folder.string());
    }
    if (fs::exists(folder / kJournalFile, code) || fs::is_empty(folder, code)) return {};
    const bool ours = std::all_of(fs::directory_iterator(folder, code), fs::directory_iterator(), [](const auto& at) {
        return at.path().filename().string().rfind(".study", 0) == 0;  // killed before it had a journal
    });
    if (ours) return {};
    return errorf(ErrorKind::kUsage, "output {} exists and holds no study", folder.string())
        .with_hint("choose another folder with -o");
}

// A folder that this run made and that holds nothing but the journal: nothing stays of it.
void remove_unused(const fs::path& folder, std::vector<fs::path>& made) {
    if (made.empty()) return;
    std::vector<fs::path> files;
    std::error_code code;
    for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
        const std::string name = at->path().filename().string();
        if (name.rfind(kJournalFile, 0) != 0 && name.rfind(".study", 0) != 0) return;
        files.push_back(at->path());
    }
    for (const fs::path& file : files) fs::remove(file, code);
    remove_made_folders(made);
}

// What a killed process left half-written beside the outputs of steps. REQUIRES: the lock.
void remove_temporaries(const fs::path& folder) {
    std::error_code code;
    const auto clean = [&](const fs::path& place) {
        for (fs::directory_iterator at(place, code), end; !code && at != end; at.increment(code)) {
            std::error_code ignored;
            if (at->path().filename().string().find(".tmp-") != std::string::npos) fs::remove(at->path(), ignored);
        }
    };
    clean(folder);
    clean(folder / "report-charts");
    std::vector<fs::path> results;
    for (fs::directory_iterator at(folder / "results", code), end; !code && at != end; at.increment(code)) {
        results.push_back(at->path());
    }
    for (const fs::path& place : results) clean(place);
}

// Of what the report is made: its steps' outputs, or that they failed.
std::string report_key(const Study& study, const std::vector<StudyStep>& steps,
                       const std::map<std::string, StepRecord>& records) {
    Json parts = {{"step", "report"}, {"dwubit", version()}, {"name", study.name}, {"title", study.title}};
    for (const StudyStep& step : steps) {
        if (step.kind == StepKind::kReport) continue;
        const auto record = records.find(step.id);
        const bool done = record != records.end() && record->second.state == StepState::kDone;
        parts["steps"].push_back({step.id, done ? outputs_sha256(record->second.outputs) : "none"});
    }
    return sha256_hex(dump_json(parts));
}

// What the journal keeps for the report.
Json study_note(const Study& study, const StudyInputs& inputs, Json keys) {
    Json models = Json::array({{{"id", kBaseId}, {"method", nullptr}, {"path", study.model.string()}}});
    for (std::size_t i = 0; i < study.methods.size(); ++i) {
        models.push_back({{"id", study.methods[i].id},
                          {"method", study.methods[i].method},
                          {"recipe", inputs.methods[i].recipe},
                          {"parameters", inputs.methods[i].parameters},
                          {"path", "models/" + study.methods[i].id}});
    }
    Json files = Json::array({{{"name", "study"}, {"path", study.file.string()}, {"sha256", study.sha256}},
                              {{"name", "model"}, {"path", study.model.string()}, {"sha256", inputs.model_sha256}},
                              {{"name", "tokenizer"},
                               {"path", inputs.model.directory.tokenizer_json.string()},
                               {"sha256", inputs.tokenizer_sha256}}});
    if (!study.methods.empty()) {
        files.push_back({{"name", "calibration text"},
                         {"path", study.corpus.calibration.string()},
                         {"sha256", inputs.calibration_sha256}});
    }
    if (study.perplexity) {
        files.push_back(
            {{"name", "held-out text"}, {"path", study.corpus.heldout.string()}, {"sha256", inputs.heldout_sha256}});
    }
    return {{"name", study.name},          {"title", study.title},
            {"file", study.file.string()}, {"sha256", study.sha256},
            {"models", std::move(models)}, {"inputs", std::move(files)},
            {"tasks", inputs.task_names},  {"settings", settings_json(study, inputs)},
            {"keys", std::move(keys)}};
}

class StudyRun {
public:
    StudyRun(const Study& study, const StudyInputs& inputs, fs::path folder, const LabApi* lab, Journal& journal,
             const StudyEnvironment& environment)
        : study_(study),
          folder_(std::move(folder)),
          lab_(lab),
          journal_(journal),
          environment_(environment),
          steps_(plan_steps(study, inputs)) {}

    Result<void> look() {
        DWUBIT_ASSIGN(records_, journal_.steps());
        for (StudyStep& step : steps_) {
            if (step.kind == StepKind::kReport) step.key = report_key(study_, steps_, records_);
            const auto record = records_.find(step.id);
            if (record == records_.end() || record->second.state != StepState::kDone) continue;
            DWUBIT_ASSIGN(const bool hold, outputs_hold(folder_, record->second.outputs, journal_));
            const bool same = record->second.key == step.key && hold;
            step.state =
                same && !(step.kind == StepKind::kReport && anything_to_do()) ? PlanState::kDone : PlanState::kStale;
        }
        correct_by_history(steps_, records_);
        return {};
    }

    // Totals of what is to be done against the budget.
    Result<void> check_budget() const {
        const StudyBudget& budget = study_.budget;
        const StepCost total = total_cost();
        const auto refuse = [&](const char* key, double needs, double has, const char* unit) {
            return errorf(ErrorKind::kUsage, "{}: [budget] {} = {:.4g}, and what is left to do needs about {:.4g} {}",
                          study_.file.string(), key, has, needs, unit)
                .with_hint("raise it, take methods out, or measure on less; --dry-run shows the steps");
        };
        const double hours = total.seconds / 3600;
        if (budget.hours && hours > *budget.hours) return refuse("hours", hours, *budget.hours, "hours");
        const double usd = hours * budget.usd_per_hour;
        if (budget.usd && usd > *budget.usd) return refuse("usd", usd, *budget.usd, "USD");
        const double memory = static_cast<double>(total.ram_bytes) * 1e-9;
        if (budget.memory_gb && memory > *budget.memory_gb) return refuse("memory_gb", memory, *budget.memory_gb, "GB");
        const double disk = static_cast<double>(total.disk_bytes) * 1e-9;
        if (budget.disk_gb && disk > *budget.disk_gb) return refuse("disk_gb", disk, *budget.disk_gb, "GB");
        return {};
    }

    // Every step that is not done. True: all of them were carried out or failed; false: a stop was asked for.
    Result<bool> run() {
        int count = 0;
        for (const StudyStep& step : steps_) count += step.state == PlanState::kDone ? 0 : 1;
        int number = 0;
        for (StudyStep& step : steps_) {
            if (step.state == PlanState::kDone) continue;
            ++number;
            if (stop_requested()) return false;
            if (step.kind == StepKind::kReport) step.key = report_key(study_, steps_, records_);
            if (const auto missing = failed_dependency(step)) {
                skip(step, *missing);
                continue;
            }
            environment_.progress.begin_step(step.id, number, count, step.cost.seconds);
            const auto start = Clock::now();
            auto outcome = carry_out(step, start);
            if (outcome.ok()) {
                environment_.progress.end_step(*outcome ? "found" : "done", seconds_since(start));
                continue;
            }
            const ErrorKind kind = outcome.error().kind;
            environment_.progress.end_step(kind == ErrorKind::kInterrupted ? "stopped" : "failed",
                                           seconds_since(start));
            if (kind == ErrorKind::kInterrupted) return false;
            DWUBIT_TRY(note_failure(step, std::move(outcome).error()));
        }
        return true;
    }

    Json object(std::string_view status) const {
        Json steps = Json::array();
        double actual = 0;
        for (const StudyStep& step : steps_) {
            const auto record = records_.find(step.id);
            const bool done =
                step.state == PlanState::kDone && record != records_.end() && record->second.state == StepState::kDone;
            if (done) actual += record->second.seconds;
            steps.push_back({{"id", step.id},
                             {"kind", step_kind_name(step.kind)},
                             {"depends_on", step.depends_on},
                             {"inputs", step.inputs},
                             {"outputs", step.outputs},
                             {"key", step.key},
                             {"state", plan_state_name(step.state)},
                             {"seconds", step.cost.seconds},
                             {"ram_bytes", step.cost.ram_bytes},
                             {"disk_bytes", step.cost.disk_bytes},
                             {"cost_usd", step.cost.seconds / 3600 * study_.budget.usd_per_hour},
                             {"actual_seconds", done ? Json(record->second.seconds) : Json()}});
        }
        const StepCost total = total_cost();
        const bool report = !steps_.empty() && steps_.back().state == PlanState::kDone;
        return {{"study", folder_.string()},
                {"name", study_.name},
                {"status", status},
                {"steps", std::move(steps)},
                {"total",
                 {{"seconds", total.seconds},
                  {"ram_bytes", total.ram_bytes},
                  {"disk_bytes", total.disk_bytes},
                  {"cost_usd", total.seconds / 3600 * study_.budget.usd_per_hour},
                  {"actual_seconds", actual}}},
                {"report", report ? Json((folder_ / "report.html").string()) : Json()},
                {"failed", failed_}};
    }

    // {id: key} of the steps that a report is made of.
    Json keys() const {
        Json keys = Json::object();
        for (const StudyStep& step : steps_) {
            if (step.kind != StepKind::kReport) keys[step.id] = step.key;
        }
        return keys;
    }

    bool all_done() const {
        return std::all_of(steps_.begin(), steps_.end(),
                           [](const StudyStep& s) { return s.state == PlanState::kDone; });
    }
    bool any_failed() const { return !failed_.empty(); }

private:
    bool anything_to_do() const {
        return std::any_of(steps_.begin(), steps_.end(), [](const StudyStep& step) {
            return step.kind != StepKind::kReport && step.state != PlanState::kDone;
        });
    }

    // Of what is to be done: seconds and bytes added, the most memory.
    StepCost total_cost() const {
        StepCost total;
        for (const StudyStep& step : steps_) {
            if (step.state == PlanState::kDone) continue;
            total.seconds += step.cost.seconds;
            total.disk_bytes += step.cost.disk_bytes;
            total.ram_bytes = std::max(total.ram_bytes, step.cost.ram_bytes);
        }
        return total;
    }

    std::optional<std::string> failed_dependency(const StudyStep& step) const {
        if (step.kind == StepKind::kReport) return std::nullopt;
        for (const std::string& id : step.depends_on) {
            if (failures_.count(id) != 0) return id;
        }
        return std::nullopt;
    }

    void skip(const StudyStep& step, const std::string& missing) {
        failures_.insert(step.id);
        environment_.warn(fmt::format("{} is left out, since {} failed", step.id, missing));
    }

    // Disk and memory would fail other steps too; everything else is the step's own.
    Result<void> note_failure(const StudyStep& step, Error error) {
        if (error.kind == ErrorKind::kIo || error.kind == ErrorKind::kOutOfMemory) {
            if (error.hint.empty()) error.hint = "the same command goes on from there";
            error.add_context("step " + step.id);
            return error;
        }
        failures_.insert(step.id);
        const Json members = {{"kind", error_kind_name(error.kind)},
                              {"message", error.message},
                              {"context", error.context},
                              {"hint", error.hint}};
        failed_.push_back({{"id", step.id}, {"error", members}});
        environment_.warn(
            fmt::format("{} failed: {}{}", step.id, error.message, error.hint.empty() ? "" : " (" + error.hint + ")"));
        StepRecord record{.id = step.id, .key = step.key, .state = StepState::kFailed};
        record.finished = utc_now();
        record.failed = members;
        DWUBIT_TRY(journal_.put(record));
        records_[step.id] = std::move(record);
        return {};
    }

    Json environment_json(const StudyStep& step) const {
        const bool lab = step.kind == StepKind::kCalibrate || step.kind == StepKind::kQuantize;
        Json out = {{"dwubit", version()},
                    {"cpu", cpu_name()},
                    {"isa", to_string(active_isa())},
                    {"device", lab ? environment_.device : "cpu"},
                    {"threads", environment_.pool.size()}};
        if (lab && lab_ != nullptr) out.update(lab_->describe());
        return out;
    }

    // True: an earlier run had finished it.
    Result<bool> carry_out(StudyStep& step, Clock::time_point start) {
        StepRecord& record = records_[step.id];
        const bool begun = record.state == StepState::kRunning && record.key == step.key && !record.id.empty();
        const bool found = begun && step.kind != StepKind::kReport && outputs_there(step);
        if (!begun) DWUBIT_TRY(begin(step, record));
        if (found) {
            if (step.kind == StepKind::kCalibrate || step.kind == StepKind::kQuantize) {
                DWUBIT_TRY(OutputFolder::adopt(folder_ / step.outputs.front()));
            }
        } else if (step.kind == StepKind::kReport) {
            DWUBIT_ASSIGN(step.outputs, write_report());
        } else {
            DWUBIT_TRY(run_step(step, {study_, folder_, lab_, environment_.device, environment_.pool,
                                       environment_.progress, environment_.warn}));
        }
        if (step.kind == StepKind::kEval) remove_answers(step);
        DWUBIT_ASSIGN(record.outputs, list_outputs(folder_, step.outputs, journal_));
        record.state = StepState::kDone;
        record.seconds = seconds_since(start);
        record.finished = utc_now();
        record.environment = environment_json(step);
        DWUBIT_TRY(journal_.put(record));
        step.state = PlanState::kDone;
        return found;
    }

    bool outputs_there(const StudyStep& step) const {
        return std::all_of(step.outputs.begin(), step.outputs.end(), [&](const std::string& name) {
            std::error_code ignored;
            return fs::exists(folder_ / name, ignored);
        });
    }

    // From here on what is at the step's outputs is this key's, whole.
    Result<void> begin(const StudyStep& step, StepRecord& record) {
        if (record.outputs.is_array()) {
            std::vector<std::string> before;
            for (const Json& output : record.outputs) before.push_back(output.value("path", std::string()));
            if (step.kind == StepKind::kEval || step.kind == StepKind::kPerplexity) {
                DWUBIT_TRY(remove_outputs(folder_, before));
            }
        }
        if (step.kind != StepKind::kReport) DWUBIT_TRY(remove_outputs(folder_, step.outputs));
        record = StepRecord{.id = step.id, .key = step.key};
        return journal_.put(record);
    }

    void remove_answers(const StudyStep& step) const {
        std::error_code code;
        const fs::path place = (folder_ / step.outputs.back()).parent_path();
        std::vector<fs::path> kept;
        for (fs::directory_iterator at(place, code), end; !code && at != end; at.increment(code)) {
            if (at->path().filename().string().rfind("answers_", 0) == 0) kept.push_back(at->path());
        }
        for (const fs::path& path : kept) fs::remove_all(path, code);
    }

    // Names of its files, pictures too.
    Result<std::vector<std::string>> write_report() {
        DWUBIT_ASSIGN(const auto files, study_report_files(folder_, journal_, true, environment_.pool));
        DWUBIT_TRY(write_report_files(folder_, files));
        std::vector<std::string> names;
        for (const ReportFile& file : files) names.push_back(file.name);
        return names;
    }

    const Study& study_;
    fs::path folder_;
    const LabApi* lab_;
    Journal& journal_;
    const StudyEnvironment& environment_;
    std::vector<StudyStep> steps_;
    std::map<std::string, StepRecord> records_;
    std::set<std::string> failures_;  // ids of steps that failed or were left out
    Json failed_ = Json::array();
};

// Models of an earlier version of the study file stay, and are said.
void warn_of_leftovers(const Study& study, const fs::path& folder, const std::function<void(std::string)>& warn) {
    std::set<std::string> known = {std::string(kBaseId)};
    for (const StudyMethod& method : study.methods) known.insert(method.id);
    std::error_code code;
    for (fs::directory_iterator at(folder / "models", code), end; !code && at != end; at.increment(code)) {
        const std::string name = at->path().filename().string();
        const std::string id = name.substr(0, name.rfind(".partial"));
        if (known.count(id) != 0 || known.count(name) != 0) continue;
        warn(fmt::format("{} belongs to no method of the study any more; remove it if it is of no use",
                         at->path().string()));
    }
}

Result<void> check_same_study(const Study& study, const fs::path& folder, Journal& journal) {
    DWUBIT_ASSIGN(const auto note, journal.note(kStudyNote));
    if (!note) return {};
    DWUBIT_ASSIGN(const Json before, parse_json(*note).context(std::string(kJournalFile)));
    const std::string name = before.is_object() ? before.value("name", std::string()) : std::string();
    if (name == study.name) return {};
    return errorf(ErrorKind::kUsage, "{} holds the study '{}', not '{}'", folder.string(), printable(name), study.name)
        .with_hint("choose another folder with -o");
}

Result<Json> dry_run(const Study& study, const fs::path& folder, const LabApi* lab,
                     const StudyEnvironment& environment) {
    std::error_code ignored;
    const bool there = fs::exists(folder / kJournalFile, ignored);
    // What the journal knows is looked at in a copy in memory: hashes that are taken now are not kept.
    DWUBIT_ASSIGN(Journal journal, there ? Journal::copy(folder) : Journal::none());
    DWUBIT_TRY(check_same_study(study, folder, journal));
    DWUBIT_ASSIGN(const StudyInputs inputs,
                  read_study_inputs(study, lab, environment.device, environment.pool, journal));
    StudyRun run(study, inputs, folder, lab, journal, environment);
    DWUBIT_TRY(run.look());
    if (const auto within = run.check_budget(); !within.ok()) environment.warn(within.error().message);
    return run.object(run.all_done() ? "done" : "resumable");
}

}  // namespace

Result<Json> run_study(const StudyRequest& request, const StudyEnvironment& environment) {
    DWUBIT_ASSIGN(const Study study, read_study(request.file));
    const fs::path folder = request.output.value_or(fs::path("out") / study.name);
    DWUBIT_TRY(check_folder(folder));
    const LabApi* lab = nullptr;
    if (!study.methods.empty()) {
        DWUBIT_ASSIGN(lab, open_lab());
    }
    if (request.dry_run) return dry_run(study, folder, lab, environment);

    std::vector<fs::path> made;
    DWUBIT_TRY(create_folders(folder, made));
    auto body = [&]() -> Result<Json> {
        DWUBIT_ASSIGN(const std::shared_ptr<void> lock, Journal::lock(folder, request.wait));
        DWUBIT_ASSIGN(Journal journal, Journal::open(folder));
        DWUBIT_TRY(check_same_study(study, folder, journal));
        DWUBIT_ASSIGN(const StudyInputs inputs,
                      read_study_inputs(study, lab, environment.device, environment.pool, journal));
        StudyRun run(study, inputs, folder, lab, journal, environment);
        DWUBIT_TRY(run.look());
        DWUBIT_TRY(run.check_budget());
        remove_temporaries(folder);
        warn_of_leftovers(study, folder, environment.warn);
        DWUBIT_TRY(journal.set_note(kStudyNote, dump_json(study_note(study, inputs, run.keys()))));
        DWUBIT_ASSIGN(const bool finished, run.run());
        return run.object(!finished ? "resumable" : run.any_failed() ? "failed" : "done");
    };
    Result<Json> result = body();
    if (!result.ok()) remove_unused(folder, made);
    return result;
}

}  // namespace dwubit
