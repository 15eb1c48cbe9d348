#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "arguments.h"
#include "base/error.h"
#include "checkpoint/stored_tensor.h"
#include "command.h"
#include "runtime/cpu/memory_speed.h"
#include "runtime/engine/speed.h"
#include "runtime/model/footprint.h"

namespace dwubit::cli {
namespace {

constexpr std::int64_t kMaxTokens = std::int64_t{1} << 31;

double mean(const std::vector<double>& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

// Of the sample; 0 of one value.
double standard_deviation(const std::vector<double>& x) {
    if (x.size() < 2) return 0;
    const double m = mean(x);
    double sum = 0;
    for (const double v : x) sum += (v - m) * (v - m);
    return std::sqrt(sum / static_cast<double>(x.size() - 1));
}

// Bytes read per token of a test: the weights once per pass, and the cache's part of the positions so far for each
// generated token.
double bytes_per_token(const SpeedTest& test, const ModelConfig& config, std::uint64_t weights) {
    const std::int64_t prompt_passes = (test.n_prompt + test.batch - 1) / test.batch;
    const auto passes = static_cast<double>(prompt_passes + test.n_gen);
    const double position =
        2.0 * static_cast<double>(config.layers * config.kv_heads * kv_vector_bytes(test.kv, config.head_dim));
    const double positions = static_cast<double>(test.n_depth + test.n_prompt) +
                             (static_cast<double>(test.n_gen) + 1) / 2;  // mean over the generated tokens
    const auto tokens = static_cast<double>(test.n_prompt + test.n_gen);
    return (passes * static_cast<double>(weights) + static_cast<double>(test.n_gen) * positions * position) / tokens;
}

// "pp512", "tg128 @ d1024", as llama-bench names tests.
std::string test_name(const Json& test) {
    std::string name;
    if (test["n_prompt"] > 0) name += fmt::format("pp{}", test["n_prompt"].get<std::int64_t>());
    if (test["n_gen"] > 0) name += fmt::format("tg{}", test["n_gen"].get<std::int64_t>());
    if (test["n_depth"] > 0) name += fmt::format(" @ d{}", test["n_depth"].get<std::int64_t>());
    return name;
}

class Bench final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        add_integers(app, "-p,--n-prompt", prompts_, 0, kMaxTokens, "tokens of a prompt, 0 = no such test");
        add_integers(app, "-n,--n-gen", generated_, 0, kMaxTokens, "tokens to generate, 0 = no such test");
        add_integers(app, "-d,--n-depth", depths_, 0, kMaxTokens, "positions in the cache before a test");
        add_integers(app, "-b,--batch-size", batches_, 1, kMaxTokens, "tokens of a prompt per pass");
        app.remove_option(app.get_option("--threads"));  // here a list
        add_integers(app, "-t,--threads", threads_, 0, 4096, "threads, 0 = all cores");
        add_integer(app, "-r,--repetitions", repetitions_, 1, 100000, "repetitions of each test");
        app.add_flag("--no-warmup", no_warm_up_, "without the run before each test that is not timed");
        add_act(app, act_names_);
        add_kv(app, kv_names_);
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        for (const std::string& name : kv_names_) {
            DWUBIT_ASSIGN(const KvType kv, kv_type_from_name(name));
            kvs_.push_back(kv);
        }
        const std::vector<SpeedTest> tests = plan();
        if (tests.empty()) {
            return make_error(ErrorKind::kUsage, "no test: -p and -n are both 0").with_hint("-p 512 -n 128");
        }
        if (!process_isa().ok()) return process_isa().error();
        std::vector<ActType> acts;
        for (const std::string& name : act_names_) {
            DWUBIT_ASSIGN(const ActType act, resolve_act(name));
            acts.push_back(act);
        }
        options_.repetitions = repetitions_;
        options_.warm_up = !no_warm_up_;
        options_.seed = static_cast<std::uint64_t>(common.seed);

        Json results = Json::array();
        Json result = {{"cpu", cpu_name()}, {"isa", to_string(active_isa())}};
        for (const ActType act : acts) DWUBIT_TRY(run_act(act, tests, console, result, results));
        result["tests"] = std::move(results);
        const MemorySpeed& most = memory_.rbegin()->second;
        result["memcpy_gb_per_s"] = most.copy;
        result["read_gb_per_s"] = most.read;
        console.print(footer(result));
        return result;
    }

private:
    // As llama-bench orders them: per depth and batch the prompts, then the generations.
    std::vector<SpeedTest> plan() const {
        std::vector<SpeedTest> tests;
        for (const KvType kv : kvs_) {
            for (const std::int64_t depth : depths_) plan(depth, kv, tests);
        }
        return tests;
    }

    void plan(std::int64_t depth, KvType kv, std::vector<SpeedTest>& tests) const {
        for (const std::int64_t batch : batches_) {
            for (const std::int64_t n : prompts_) {
                if (n > 0) tests.push_back({n, 0, depth, batch, kv});
            }
        }
        for (const std::int64_t n : generated_) {
            if (n > 0) tests.push_back({0, n, depth, batches_.front(), kv});
        }
    }

    Result<void> run_act(ActType act, const std::vector<SpeedTest>& tests, Console& console, Json& result,
                         Json& results) {
        ThreadPool loading(static_cast<int>(*std::max_element(threads_.begin(), threads_.end())));
        DWUBIT_ASSIGN(OpenModel opened, open_model(model_));
        const Footprint footprint = measure_footprint(opened);
        const Json kernels = kernel_rows(opened, act);
        DWUBIT_ASSIGN(const Model model, Model::load(std::move(opened.directory), act, loading, console.progress()));
        if (!result.contains("model")) {
            result["model"] = {{"path", model_.string()},
                               {"architecture", model.config().architecture},
                               {"parameters", footprint.parameters},
                               {"bytes", footprint.bytes}};
            result["kernels"] = Json::array();
            warn_of_positions(tests, model.config(), console);
        }
        for (const Json& row : kernels) result["kernels"].push_back(row);
        for (const std::int64_t threads : threads_) {
            ThreadPool pool(static_cast<int>(threads));
            DWUBIT_ASSIGN(const MemorySpeed memory, memory_speed(pool));
            for (const SpeedTest& test : tests) {
                console.progress().begin("bench", repetitions_, "repetitions");
                std::int64_t done = 0;
                options_.on_repetition = [&] { console.progress().update(++done); };
                DWUBIT_ASSIGN(const std::vector<double> seconds, measure_speed(model, test, options_, pool));
                console.progress().end();
                Json row = test_row(test, seconds, bytes_per_token(test, model.config(), footprint.bytes_per_token));
                row["threads"] = pool.size();
                row["act"] = act_name(act);
                row["kernel"] = kernels.front()["kernel"];
                row["memcpy_gb_per_s"] = memory.copy;
                row["read_gb_per_s"] = memory.read;
                if (results.empty()) console.print(header(result));
                console.print(line(row));
                results.push_back(std::move(row));
            }
        }
        return {};
    }

    // Measured once per number of threads.
    Result<MemorySpeed> memory_speed(ThreadPool& pool) {
        const auto known = memory_.find(pool.size());
        if (known != memory_.end()) return known->second;
        DWUBIT_ASSIGN(const MemorySpeed memory, measure_memory_speed(beyond_caches(), pool));
        memory_[pool.size()] = memory;
        return memory;
    }

    void warn_of_positions(const std::vector<SpeedTest>& tests, const ModelConfig& config, Console& console) const {
        std::int64_t most = 0;
        for (const SpeedTest& t : tests) most = std::max(most, t.n_depth + t.n_prompt + t.n_gen);
        if (most > config.max_positions) {
            console.warn(
                fmt::format("{} positions are more than the {} the model was made for", most, config.max_positions));
        }
    }

    // One row per kernel: which linears it runs and how many bytes they are, most bytes first.
    static Json kernel_rows(const OpenModel& model, ActType act) {
        std::vector<Json> rows;
        const auto add = [&](const LinearShape& linear, const std::string& kind) {
            const auto packed = model.config.packed.find(linear.module);
            const bool dense = packed == model.config.packed.end();
            const TensorView* const weight = dense ? model.directory.tensors.find(linear.module + ".weight") : nullptr;
            const std::string format = dense ? std::string(stored_type_name(*weight)) : packed->second.format->id;
            const KernelInfo kernel = dense ? choose_stored_kernel(*weight, act).info
                                            : choose_packed_kernel(*packed->second.format, act, packed->second.params,
                                                                   {linear.out, linear.in})
                                                  .info;
            auto row = std::find_if(rows.begin(), rows.end(), [&](const Json& r) {
                return r["format"] == format && r["kernel"] == kernel.name &&
                       r["fallback_reason"].is_null() == kernel.fallback_reason.empty();
            });
            if (row == rows.end()) {
                const std::string& reason = kernel.fallback_reason;
                rows.push_back({{"kernel", kernel.name},
                                {"isa", kernel.isa},
                                {"act", act_name(act)},
                                {"format", format},
                                {"linears", Json::object()},
                                {"bytes", 0},
                                {"fallback_reason", reason.empty() ? Json() : Json(reason)}});
                row = rows.end() - 1;
            }
            Json& linears = (*row)["linears"];
            linears[kind] = linears.value(kind, 0) + 1;
            (*row)["bytes"] = (*row)["bytes"].get<std::uint64_t>() + linear_bytes(model, linear);
        };
        for (std::int64_t i = 0; i < model.config.layers; ++i) {
            for (const LinearShape& linear : layer_linears(model.config, i)) {
                add(linear, linear.module.substr(linear.module.rfind('.') + 1));
            }
        }
        add(head_linear(model.config), "head");
        std::stable_sort(rows.begin(), rows.end(),
                         [](const Json& a, const Json& b) { return a["bytes"] > b["bytes"]; });
        return rows;
    }

    static Json test_row(const SpeedTest& test, const std::vector<double>& seconds, double bytes) {
        std::vector<double> rates;
        for (const double s : seconds) rates.push_back(static_cast<double>(test.n_prompt + test.n_gen) / s);
        return {{"n_prompt", test.n_prompt},
                {"n_gen", test.n_gen},
                {"n_depth", test.n_depth},
                {"batch", test.batch},
                {"device", "cpu"},
                {"kv", kv_type_name(test.kv)},
                {"tokens_per_second", mean(rates)},
                {"stddev", standard_deviation(rates)},
                {"samples", rates},
                {"bytes_per_token", bytes},
                {"gb_per_s", bytes * mean(rates) / 1e9}};
    }

    static std::string header(const Json& result) {
        const Json& model = result["model"];
        return fmt::format(
            "{}, {}\n{}: {}, {:.1f} M parameters, {:.1f} MB\n\n{:<20} {:>7} {:>5} {:>5} {:>6}  {:>20} {:>8} {:>7}\n",
            result["cpu"].get<std::string>(), result["isa"].get<std::string>(), model["path"].get<std::string>(),
            model["architecture"].get<std::string>(), model["parameters"].get<double>() / 1e6,
            model["bytes"].get<double>() / 1e6, "test", "threads", "act", "kv", "batch", "tokens/s", "GB/s", "of read");
    }

    static std::string line(const Json& row) {
        return fmt::format("{:<20} {:>7} {:>5} {:>5} {:>6}  {:>11.2f} ± {:>6.2f} {:>8.2f} {:>6.0f}%\n", test_name(row),
                           row["threads"].get<int>(), row["act"].get<std::string>(), row["kv"].get<std::string>(),
                           row["batch"].get<std::int64_t>(), row["tokens_per_second"].get<double>(),
                           row["stddev"].get<double>(), row["gb_per_s"].get<double>(),
                           100 * row["gb_per_s"].get<double>() / row["read_gb_per_s"].get<double>());
    }

    std::string footer(const Json& result) const {
        std::string text = "\n";
        for (const auto& [threads, memory] : memory_) {
            text += fmt::format("memory, {} thread{}: read {:.1f} GB/s, memcpy {:.1f} GB/s (read + written)\n", threads,
                                threads == 1 ? "" : "s", memory.read, memory.copy);
        }
        for (const Json& row : result["kernels"]) {
            text += fmt::format("{} ({}):", row["kernel"].get<std::string>(), row["isa"].get<std::string>());
            for (const auto& [kind, count] : row["linears"].items())
                text += fmt::format(" {} {}", count.get<int>(), kind);
            text +=
                fmt::format(", {}, {:.1f} MB\n", row["format"].get<std::string>(), row["bytes"].get<double>() / 1e6);
            if (!row["fallback_reason"].is_null()) {
                text += "  because " + row["fallback_reason"].get<std::string>() + "\n";
            }
        }
        return text;
    }

    std::filesystem::path model_;
    std::vector<std::int64_t> prompts_ = {512};
    std::vector<std::int64_t> generated_ = {128};
    std::vector<std::int64_t> depths_ = {0};
    std::vector<std::int64_t> batches_ = {512};
    std::vector<std::int64_t> threads_ = {0};
    std::int64_t repetitions_ = 5;
    bool no_warm_up_ = false;
    std::vector<std::string> act_names_ = {"auto"};
    std::vector<std::string> kv_names_ = {"f32"};
    std::vector<KvType> kvs_;
    SpeedOptions options_;
    std::map<int, MemorySpeed> memory_;  // by the number of threads
};

}  // namespace

std::unique_ptr<Command> make_bench() {
    return std::make_unique<Bench>();
}

}  // namespace dwubit::cli
