// Options that several commands share, and numbers with ranges.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "base/thread_pool.h"
#include "console.h"
#include "dwubit/result.h"
#include "lab_api/lab_api.h"
#include "runtime/model/model.h"
#include "tokenizer/tokenizer.h"

namespace dwubit::cli {

inline constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// An integer option; the error for another value names the flag and the range.
CLI::Option* add_integer(CLI::App& app, const std::string& flags, std::int64_t& value, std::int64_t min,
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

// --act
CLI::Option* add_act(CLI::App& app, std::string& act);
Result<ActType> resolve_act(const std::string& act);

// The tokenizer of a model folder (tokenizer.json), or of a tokenizer.json itself.
Result<Tokenizer> load_tokenizer(const std::filesystem::path& model);

// Tokenizer and model must agree: a warning when ids of the tokenizer have no row in the model's embedding.
void check_vocabulary(const Tokenizer& tokenizer, const ModelConfig& config, Console& console);

// The text of -p, or of the file of -f; exactly one of them is given. `flag_p`, `flag_f` as parsed.
Result<std::string> read_prompt(const std::optional<std::string>& text,
                                const std::optional<std::filesystem::path>& file);

}  // namespace dwubit::cli
