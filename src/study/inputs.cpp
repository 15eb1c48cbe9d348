#include "study/inputs.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/sha256.h"
#include "checkpoint/model_folder.h"
#include "eval/run_eval.h"
#include "study/outputs.h"
#include "study/run_step.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

// "studies/a.toml: [corpus] heldout" in the error's context.
template <class T>
Result<T> of_key(const Study& study, const char* key, Result<T> result) {
    return std::move(result).context(fmt::format("{}: {}", study.file.string(), key));
}

Result<std::string> hash_of_input(const fs::path& path, Journal& journal) {
    std::error_code code;
    const fs::path name = fs::absolute(path, code);
    return hash_of_file(path, "input " + (code ? path : name).string(), journal);
}

// Sizes and times of the files of a model: those of its folder, or the parts of a GGUF file.
std::string model_stamp(const HfDir& model) {
    std::vector<std::string> lines;
    std::error_code code;
    const fs::path folder = model.is_gguf() ? model.path.parent_path() : model.path;
    if (model.is_gguf()) {
        std::set<std::string> files;
        for (const auto& [name, tensor] : model.tensors.tensors()) files.insert(tensor.file);
        for (const std::string& file : files) lines.push_back(file + " " + file_stamp(folder / file));
        return sha256_hex(fmt::format("{}", fmt::join(lines, "\n")));
    }
    for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
        lines.push_back(at->path().filename().string() + " " + file_stamp(at->path()));
    }
    std::sort(lines.begin(), lines.end());
    return sha256_hex(fmt::format("{}", fmt::join(lines, "\n")));
}

Result<std::string> hash_of_model(const OpenModel& model, ThreadPool& pool, Journal& journal) {
    std::error_code code;
    const fs::path name = fs::absolute(model.directory.path, code);
    const std::string subject = "model " + (code ? model.directory.path : name).string();
    const std::string stamp = model_stamp(model.directory);
    DWUBIT_ASSIGN(const auto known, journal.hash(subject, stamp));
    if (known) return *known;
    DWUBIT_ASSIGN(std::string hash, model_sha256(model.directory, pool));
    DWUBIT_TRY(journal.set_hash(subject, stamp, hash));
    return hash;
}

Result<void> read_model(const Study& study, ThreadPool& pool, Journal& journal, StudyInputs& inputs) {
    auto opened = open_model(study.model);
    if (!opened.ok()) {
        const bool absent = opened.error().kind == ErrorKind::kNotFound && !study.model_hint.empty();
        if (absent) return std::move(opened).error().with_hint(study.model_hint);
        return std::move(opened).error();
    }
    inputs.model = std::move(*opened);
    if (inputs.model.directory.config.contains("quantization_config")) {
        return errorf(ErrorKind::kUnsupported, "{} is quantized already", study.model.string())
            .with_hint("a study starts from the model before quantization");
    }
    inputs.footprint = measure_footprint(inputs.model);
    DWUBIT_ASSIGN(inputs.model_sha256, hash_of_model(inputs.model, pool, journal));
    DWUBIT_ASSIGN(inputs.tokenizer_sha256, hash_of_input(inputs.model.directory.tokenizer_json, journal));
    return {};
}

Result<void> read_corpora(const Study& study, Journal& journal, StudyInputs& inputs) {
    if (!study.methods.empty()) {
        DWUBIT_ASSIGN(inputs.calibration_sha256,
                      of_key(study, "[corpus] calibration", hash_of_input(study.corpus.calibration, journal)));
    }
    if (study.perplexity) {
        DWUBIT_ASSIGN(inputs.heldout_sha256,
                      of_key(study, "[corpus] heldout", hash_of_input(study.corpus.heldout, journal)));
        std::error_code ignored;
        inputs.heldout_bytes = fs::file_size(study.corpus.heldout, ignored);
        DWUBIT_ASSIGN(const ActType act, of_key(study, "[perplexity] act", study_act(study.perplexity->act)));
        inputs.perplexity_act = act_name(act);
    }
    return {};
}

// What a task's documents and prompts depend on: its file as read, with its includes, and hashes of its datasets.
Json task_json(const BuiltTask& task) {
    Json hashes = Json::array();
    for (const std::string& file : task.files) hashes.push_back(file.substr(0, file.find(' ')));
    return {{"task", task.config.task},
            {"config", dump_json(task.config.written)},
            {"num_fewshot", task.config.num_fewshot.value_or(0)},
            {"datasets", std::move(hashes)}};
}

Result<void> read_tasks(const Study& study, StudyInputs& inputs) {
    const EvalRequest request = eval_request(*study.eval);
    DWUBIT_ASSIGN(const TaskIndex index, TaskIndex::open(request.include_paths));
    DWUBIT_ASSIGN(const Selection selection, index.select(request.tasks));
    DWUBIT_ASSIGN(const std::vector<BuiltTask> tasks, build_tasks(selection, request.options));
    inputs.tasks = Json::array();
    for (const BuiltTask& task : tasks) {
        inputs.tasks.push_back(task_json(task));
        inputs.task_names.push_back(task.config.task);
        for (const TaskItem& item : task.items) {
            for (const TaskRequest& asked : item.requests) {
                inputs.task_bytes += asked.context.size() + asked.continuation.size();
            }
        }
    }
    DWUBIT_ASSIGN(const ActType act, study_act(study.eval->act));
    inputs.eval_act = act_name(act);
    return {};
}

Result<void> resolve_methods(const Study& study, const LabApi& lab, StudyInputs& inputs) {
    for (const StudyMethod& method : study.methods) {
        auto resolved = lab.resolve(quantize_request(study, method));
        if (!resolved.ok()) {
            return std::move(resolved).context(fmt::format("{}: [methods] {}", study.file.string(), method.id)).error();
        }
        inputs.methods.push_back({resolved->recipe, resolved->parameters, resolved->needs_hessians});
    }
    return {};
}

}  // namespace

Result<StudyInputs> read_study_inputs(const Study& study, const LabApi* lab, const std::string& device,
                                      ThreadPool& pool, Journal& journal) {
    StudyInputs inputs;
    inputs.device = device;
    inputs.threads = pool.size();
    // Cheap refusals first.
    if (lab != nullptr) DWUBIT_TRY(resolve_methods(study, *lab, inputs));
    DWUBIT_TRY(of_key(study, "model", read_model(study, pool, journal, inputs)));
    DWUBIT_TRY(read_corpora(study, journal, inputs));
    if (study.eval) DWUBIT_TRY(of_key(study, "[eval]", read_tasks(study, inputs)));
    return inputs;
}

}  // namespace dwubit
