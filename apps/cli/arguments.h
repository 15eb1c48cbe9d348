// Options that several commands share, and numbers with ranges.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "console.h"
#include "dwubit/result.h"
#include "eval/model_text.h"
#include "lab_api/lab_api.h"
#include "runtime/model/model.h"
#include "tokenizer/tokenizer.h"

namespace dwubit::cli {

inline constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// An integer option; the error for another value names the flag and the range.
CLI::Option* add_integer(CLI::App& app, const std::string& flags, std::int64_t& value, std::int64_t min,
                         std::int64_t max, const std::string& help);

// Several of them, separated by commas.
CLI::Option* add_integers(CLI::App& app, const std::string& flags, std::vector<std::int64_t>& values, std::int64_t min,
                          std::int64_t max, const std::string& help);

// A number from `min` to `max`, likewise.
CLI::Option* add_number(CLI::App& app, const std::string& flags, double& value, double min, double max,
                        const std::string& help);

// MODEL, as a positional or -m/--model. Required.
CLI::Option* add_model(CLI::App& app, std::filesystem::path& model);

// What every command takes: -t, --device, --seed. A command that has no use for one ignores it.
struct CommonOptions {
    std::int64_t threads = 0;  // 0 = all cores
    std::string device = "cpu";
    std::int64_t seed = 0;

    void declare(CLI::App& app);
    // A usage error for a device that does not exist, Unsupported for one that this build lacks.
    Result<void> check_device() const;
    // Checks DWUBIT_ISA, then starts the threads.
    Result<std::unique_ptr<ThreadPool>> make_pool() const;
};

// What a command of the lab works with; `console` and `pool` must outlive it.
LabContext lab_context(Console& console, const CommonOptions& common, ThreadPool& pool);

// --field
CLI::Option* add_field(CLI::App& app, std::string& field);

// --include_path, and what it stands for: the folders given, else the `tasks` folder that comes with the program,
// beside it in its source tree or installation. NotFound where there is none.
CLI::Option* add_task_folders(CLI::App& app, std::vector<std::filesystem::path>& folders);
Result<std::vector<std::filesystem::path>> task_folders(const std::vector<std::filesystem::path>& given);

// --act; of one run, or of several separated by commas
CLI::Option* add_act(CLI::App& app, std::string& act);
CLI::Option* add_act(CLI::App& app, std::vector<std::string>& acts);
Result<ActType> resolve_act(const std::string& act);

// --kv; of one run, or of several separated by commas
CLI::Option* add_kv(CLI::App& app, std::string& kv);
CLI::Option* add_kv(CLI::App& app, std::vector<std::string>& kvs);

// Tokenizer and model must agree: a warning when ids of the tokenizer have no row in the model's embedding.
void check_vocabulary(const Tokenizer& tokenizer, const ModelConfig& config, Console& console);

// The text of -p, or of the file of -f; exactly one of them is given. `flag_p`, `flag_f` as parsed.
Result<std::string> read_prompt(const std::optional<std::string>& text,
                                const std::optional<std::filesystem::path>& file);

}  // namespace dwubit::cli
