#include "arguments.h"

#include <charconv>

#include "base/atomic_file.h"
#include "base/error.h"
#include "runtime/cpu/isa.h"

namespace dwubit::cli {
namespace {

std::string range_text(std::int64_t min, std::int64_t max) {
    return max == kNoLimit ? fmt::format("an integer of at least {}", min)
                           : fmt::format("an integer from {} to {}", min, max);
}

}  // namespace

CLI::Option* add_integer(CLI::App& app, const std::string& flags, std::int64_t& value, std::int64_t min,
                         std::int64_t max, const std::string& help) {
    CLI::Option* option = app.add_option(flags, value, help)->capture_default_str();
    const auto validate = [min, max](const std::string& text) -> std::string {
        std::int64_t number = 0;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
        const bool parsed = code == std::errc() && end == text.data() + text.size();
        if (parsed && number >= min && number <= max) return {};
        return fmt::format("must be {}, got '{}'", range_text(min, max), text);  // CLI11 puts the flag before it
    };
    option->check(CLI::Validator(validate, ""));
    return option;
}

CLI::Option* add_number(CLI::App& app, const std::string& flags, double& value, double min, double max,
                        const std::string& help) {
    CLI::Option* option = app.add_option(flags, value, help)->capture_default_str();
    const auto validate = [min, max](const std::string& text) -> std::string {
        double number = 0;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
        const bool parsed = code == std::errc() && end == text.data() + text.size();
        if (parsed && number >= min && number <= max) return {};
        return fmt::format("must be a number from {} to {}, got '{}'", min, max, text);
    };
    option->check(CLI::Validator(validate, ""));
    return option;
}

CLI::Option* add_model(CLI::App& app, std::filesystem::path& model) {
    return app.add_option("-m,--model,MODEL", model, "model folder (Hugging Face layout)")->required();
}

void CommonOptions::declare(CLI::App& app) {
    add_integer(app, "-t,--threads", threads, 0, 4096, "threads, 0 = all cores");
    app.add_option("--device", device, "cpu|cuda[:i]")->capture_default_str();
    add_integer(app, "-s,--seed", seed, 0, kNoLimit, "seed of whatever is random");
}

Result<void> CommonOptions::check_device() const {
    if (device == "cpu") return {};
    if (device.rfind("cuda", 0) == 0) {
        return errorf(ErrorKind::kUnsupported, "--device {}: this build has no CUDA runtime", device)
            .with_hint("--device cpu");
    }
    return errorf(ErrorKind::kUsage, "--device {}: unknown device", device).with_hint("--device cpu");
}

Result<std::unique_ptr<ThreadPool>> CommonOptions::make_pool() const {
    if (!process_isa().ok()) return process_isa().error();
    return std::make_unique<ThreadPool>(static_cast<int>(threads));
}

LabContext lab_context(Console& console, const CommonOptions& common, ThreadPool& pool) {
    return {pool, console.progress(), common.device, static_cast<std::uint64_t>(common.seed),
            [&console](std::string text) { console.warn(std::move(text)); }};
}

CLI::Option* add_field(CLI::App& app, std::string& field) {
    return app.add_option("--field", field, "member of a .jsonl line, column of a .parquet, that has the text")
        ->capture_default_str();
}

CLI::Option* add_act(CLI::App& app, std::string& act) {
    return app.add_option("--act", act, "activations of the linears: auto|f32|bf16|int8x2|int8")->capture_default_str();
}

Result<ActType> resolve_act(const std::string& act) {
    // The default depends on the instruction set, whose selection may have failed.
    if (!process_isa().ok()) return process_isa().error();
    if (act == "auto") return default_act();
    return act_from_name(act);
}

CLI::Option* add_task_folders(CLI::App& app, std::vector<std::filesystem::path>& folders) {
    return app.add_option("--include-path", folders, "folder of task files; default: the one that comes with dwubit")
        ->take_all();
}

Result<std::vector<std::filesystem::path>> task_folders(const std::vector<std::filesystem::path>& given) {
    if (!given.empty()) return given;
    std::error_code ignored;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    for (const char* place : {"../share/dwubit/tasks", "../tasks", "../../tasks"}) {
        const auto folder = (program / place).lexically_normal();
        if (std::filesystem::is_directory(folder, ignored)) return std::vector{folder};
    }
    return make_error(ErrorKind::kNotFound, "no folder of task files beside the program")
        .with_hint("name one with --include_path");
}

void check_vocabulary(const Tokenizer& tokenizer, const ModelConfig& config, Console& console) {
    if (const auto warning = vocabulary_warning(tokenizer, config)) console.warn(*warning);
}

Result<std::string> read_prompt(const std::optional<std::string>& text,
                                const std::optional<std::filesystem::path>& file) {
    if (text.has_value() == file.has_value()) {
        return make_error(ErrorKind::kUsage, "give the prompt with exactly one of -p TEXT and -f FILE");
    }
    return text ? Result<std::string>(*text) : read_file(*file);
}

}  // namespace dwubit::cli
