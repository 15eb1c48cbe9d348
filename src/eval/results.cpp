#include "eval/results.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <map>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/sha256.h"
#include "dwubit/version.h"
#include "eval/group_scores.h"
#include "eval/metrics/text.h"
#include "tasks/python_value.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

constexpr std::string_view kModelType = "dwubit";  // where the harness has "hf", "vllm", ...
// lm-evaluation-harness' seeds of what draws nothing here.
constexpr int kRandomSeed = 0;
constexpr int kOtherSeed = 1234;

OrderedJson sorted(const OrderedJson& object) {
    std::map<std::string, OrderedJson> members;
    for (const auto& [key, value] : object.items()) members.emplace(key, value);
    OrderedJson out = OrderedJson::object();
    for (auto& [key, value] : members) out[key] = std::move(value);
    return out;
}

template <class T>
OrderedJson or_null(const std::optional<T>& value) {
    return value ? OrderedJson(*value) : OrderedJson();
}

// What the file says, and the harness' defaults where it says nothing.
OrderedJson config_object(const TaskConfig& config) {
    OrderedJson found = config.written;
    const auto fill = [&](const char* key, const OrderedJson& value) {
        if (!found.contains(key) || found.at(key).is_null()) found[key] = value;
    };
    fill("task", config.task);
    fill("unsafe_code", false);
    fill("description", config.description);
    fill("target_delimiter", config.target_delimiter);
    fill("fewshot_delimiter", config.fewshot_delimiter);
    fill("output_type", std::string(output_type_name(config.output_type)));
    fill("repeats", config.repeats);
    fill("should_decontaminate", false);
    found["num_fewshot"] = config.num_fewshot.value_or(0);
    if (config.output_type == OutputType::kGenerateUntil) found["generation_kwargs"] = config.generation_kwargs;
    OrderedJson out = OrderedJson::object();
    for (const std::string_view key : kTaskConfigKeys) {
        const auto member = found.find(std::string(key));
        if (member != found.end() && !member->is_null()) out[std::string(key)] = *member;
    }
    for (const auto& [key, value] : found.items()) {
        if (!out.contains(key) && !value.is_null()) out[key] = value;
    }
    return out;
}

OrderedJson version_of(const TaskGroup& group) {
    const auto found = group.metadata.find("version");
    if (found == group.metadata.end()) return "N/A";
    auto text = python_text(*found);
    return text.ok() ? OrderedJson(std::move(text).value()) : OrderedJson("N/A");
}

OrderedJson run_config(const RunInfo& info) {
    OrderedJson config = OrderedJson::object();
    config["model"] = kModelType;
    config["model_args"] = info.model_args;
    config["model_num_parameters"] = or_null(info.parameters);
    config["model_dtype"] = info.dtype;
    config["model_revision"] = nullptr;
    config["model_sha"] = "";
    config["batch_size"] = info.batch_size;
    config["batch_sizes"] = OrderedJson::array();
    config["device"] = info.device;
    config["use_cache"] = nullptr;
    config["limit"] = or_null(info.limit);
    config["bootstrap_iters"] = info.bootstrap_iters;
    config["gen_kwargs"] = info.gen_kwargs;
    config["random_seed"] = kRandomSeed;
    config["numpy_seed"] = kOtherSeed;
    config["torch_seed"] = kOtherSeed;
    config["fewshot_seed"] = info.fewshot_seed;
    return config;
}

void add_tasks(std::span<const TaskResult> tasks, std::span<const TaskGroup> groups, OrderedJson& out) {
    std::map<std::string, double> sizes;
    OrderedJson results = OrderedJson::object();
    OrderedJson configs = OrderedJson::object();
    OrderedJson versions = OrderedJson::object();
    OrderedJson shots = OrderedJson::object();
    OrderedJson directions = OrderedJson::object();
    OrderedJson counts = OrderedJson::object();
    for (const auto& [task, scores] : tasks) {
        const std::string& name = task.config.task;
        results[name] = scores.results;
        sizes[name] = static_cast<double>(task.items.size());
        configs[name] = config_object(task.config);
        const OrderedJson version = task.config.version();
        versions[name] = version.is_null() ? OrderedJson("Yaml") : version;
        shots[name] = task.config.num_fewshot.value_or(0);
        directions[name] = scores.higher_is_better;
        counts[name]["original"] = task.documents;
        counts[name]["effective"] = task.items.size();
    }
    add_group_scores(groups, sizes, results);
    OrderedJson members = OrderedJson::object();
    OrderedJson scored = OrderedJson::object();
    for (const auto& entry : results.items()) {
        const auto group =
            std::find_if(groups.begin(), groups.end(), [&](const TaskGroup& g) { return g.name == entry.key(); });
        if (group != groups.end() && !group->aggregates.empty()) scored[entry.key()] = entry.value();
    }
    for (const TaskGroup& group : groups) {
        members[group.name] = group.members;
        versions[group.name] = version_of(group);
    }
    add_group_shots(groups, shots);
    add_group_directions(groups, directions);
    out["results"] = std::move(results);
    if (!scored.empty()) out["groups"] = std::move(scored);
    out["group_subtasks"] = std::move(members);
    out["configs"] = sorted(configs);
    out["versions"] = sorted(versions);
    out["n-shot"] = sorted(shots);
    out["higher_is_better"] = sorted(directions);
    out["n-samples"] = std::move(counts);
}

OrderedJson task_hashes(std::span<const TaskResult> tasks) {
    OrderedJson hashes = OrderedJson::object();
    for (const auto& [task, scores] : tasks) {
        if (scores.samples.empty()) continue;
        Sha256 hash;
        for (const OrderedJson& sample : scores.samples) {
            for (const char* key : {"doc_hash", "prompt_hash", "target_hash"}) {
                hash.update(sample.at(key).get_ref<const std::string&>());
            }
        }
        hashes[task.config.task] = hash.hex_digest();
    }
    return hashes;
}

// As the harness writes a token: its text, and its id as text.
OrderedJson token_json(const std::optional<NamedToken>& token) {
    if (!token) return nullptr;
    return OrderedJson::array({token->text, fmt::format("{}", token->id)});
}

}  // namespace

OrderedJson results_object(const RunInfo& info, std::span<const TaskResult> tasks, std::span<const TaskGroup> groups) {
    OrderedJson out = OrderedJson::object();
    add_tasks(tasks, groups, out);
    out["config"] = run_config(info);
    out["date"] = info.date;
    out["dwubit_version"] = version();
    out["pretty_env_info"] = info.environment;
    // The harness' own; nothing of it ran here.
    for (const char* key : {"git_hash", "upper_git_hash", "transformers_version", "lm_eval_version"})
        out[key] = nullptr;
    out["tokenizer_pad_token"] = nullptr;
    out["tokenizer_eos_token"] = token_json(info.eos);
    out["tokenizer_bos_token"] = token_json(info.bos);
    out["eot_token_id"] = or_null(info.eos_id);
    out["max_length"] = or_null(info.max_length);
    out["task_hashes"] = task_hashes(tasks);
    out["model_source"] = kModelType;
    out["model_name"] = info.model;
    out["model_name_sanitized"] = sanitized_name(info.model);
    out["system_instruction"] = nullptr;
    out["system_instruction_sha"] = nullptr;
    out["fewshot_as_multiturn"] = false;
    out["chat_template"] = or_null(info.chat_template);
    out["chat_template_sha"] = info.chat_template ? OrderedJson(sha256_hex(*info.chat_template)) : OrderedJson();
    out["start_time"] = info.start_time;
    out["end_time"] = info.end_time;
    out["total_evaluation_time_seconds"] = tmpl::float_text(info.end_time - info.start_time);
    OrderedJson datasets = OrderedJson::object();
    for (const auto& [task, scores] : tasks) datasets[task.config.task] = task.files;
    out["datasets"] = std::move(datasets);
    out["files"] = OrderedJson::array();
    out["tokens_evaluated"] = info.tokens_evaluated;
    out["tokens_reused"] = info.tokens_reused;
    return out;
}

Result<void> write_results(const std::filesystem::path& output, const std::string& stamp,
                           std::span<const TaskResult> tasks, FileNames names, OrderedJson& results) {
    const bool named = output.extension() == ".json";
    const std::filesystem::path folder =
        named ? output.parent_path() : output / results.value("model_name_sanitized", std::string("__"));
    const std::string stem = named ? output.stem().string() : "results";
    const std::filesystem::path main_path = folder / fmt::format("{}_{}.json", stem, stamp);
    const auto shown = [&](const std::filesystem::path& path) {
        return names == FileNames::kPaths ? path.string() : path.filename().string();
    };
    OrderedJson paths = OrderedJson::array({shown(main_path)});
    std::vector<AtomicFile> files;
    for (const auto& [task, scores] : tasks) {
        if (scores.samples.empty()) continue;
        const auto path = folder / fmt::format("samples_{}_{}.jsonl", sanitized_name(task.config.task), stamp);
        paths.push_back(shown(path));
        DWUBIT_ASSIGN(AtomicFile file, AtomicFile::create(path));
        for (const OrderedJson& sample : scores.samples) DWUBIT_TRY(file.write(python_json(sample) + "\n"));
        files.push_back(std::move(file));
    }
    results["files"] = std::move(paths);
    DWUBIT_ASSIGN(AtomicFile file, AtomicFile::create(main_path));
    DWUBIT_TRY(file.write(python_json_indented(results)));
    files.push_back(std::move(file));
    for (AtomicFile& each : files) DWUBIT_TRY(each.commit());
    return {};
}

std::string results_stamp(std::chrono::system_clock::time_point time) {
    using std::chrono::microseconds;
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    const auto since = std::chrono::duration_cast<microseconds>(time - std::chrono::system_clock::from_time_t(seconds));
    return fmt::format("{:%Y-%m-%dT%H-%M-%S}.{:06}", fmt::localtime(seconds), since.count());
}

std::string sanitized_name(std::string_view name) {
    constexpr std::string_view kUnsafe = "\"<>:/|\\?*[]";
    std::string out;
    bool in_run = false;
    for (const char c : name) {
        const bool unsafe = kUnsafe.find(c) != std::string_view::npos || static_cast<unsigned char>(c) < 0x20;
        if (!unsafe) {
            out += c;
        } else if (!in_run) {
            out += "__";
        }
        in_run = unsafe;
    }
    return out.empty() || out == "." || out == ".." ? "__" : out;
}

}  // namespace dwubit
