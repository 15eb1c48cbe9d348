#include <fmt/format.h>
#include <unistd.h>

#include "arguments.h"
#include "command.h"
#include "duration.h"
#include "step_progress.h"
#include "study/run_study.h"

namespace dwubit::cli {
namespace {

std::string plan_table(const Json& result) {
    std::string text = fmt::format("{:<28} {:<6} {:>12} {:>10} {:>10}\n", "step", "state", "time", "memory", "disk");
    for (const Json& step : result["steps"]) {
        const bool done = step["actual_seconds"].is_number();
        text += fmt::format(
            "{:<28} {:<6} {:>12} {:>10} {:>10}\n", step["id"].get<std::string>(), step["state"].get<std::string>(),
            (done ? "" : "about ") + duration_text((done ? step["actual_seconds"] : step["seconds"]).get<double>()),
            bytes_text(step["ram_bytes"].get<std::uint64_t>()), bytes_text(step["disk_bytes"].get<std::uint64_t>()));
    }
    const Json& total = result["total"];
    text += fmt::format("left to do: about {}, {} of memory, {} of disk", duration_text(total["seconds"].get<double>()),
                        bytes_text(total["ram_bytes"].get<std::uint64_t>()),
                        bytes_text(total["disk_bytes"].get<std::uint64_t>()));
    if (total["cost_usd"].get<double>() > 0) text += fmt::format(", {:.2f} USD", total["cost_usd"].get<double>());
    return text + "\n";
}

std::string summary(const Json& result) {
    if (result["status"] == "resumable") {
        return fmt::format("{}: stopped; the same command goes on from there\n", result["study"].get<std::string>());
    }
    std::string text = fmt::format("{}: {} steps, {}\n", result["study"].get<std::string>(), result["steps"].size(),
                                   duration_text(result["total"]["actual_seconds"].get<double>()));
    for (const Json& failed : result["failed"]) text += fmt::format("failed: {}\n", failed["id"].get<std::string>());
    if (result["report"].is_string()) text += fmt::format("report: {}\n", result["report"].get<std::string>());
    return text;
}

class Study final : public Command {
public:
    void declare(CLI::App& app) override {
        app.add_option("FILE", request_.file, "study file, TOML: docs/studies.md explains one")->required();
        app.add_option("-o,--output", request_.output, "folder of the study, new or begun; default out/<its name>");
        app.add_flag("--dry-run", request_.dry_run, "show the steps, their state, time, memory and disk");
        app.add_flag("--wait", request_.wait, "wait for another process that runs the same study");
    }

    bool runs_in_lab() const override { return true; }

    int exit_code(const Json& result) const override {
        if (request_.dry_run || result["status"] == "done") return kExitDone;
        return result["status"] == "resumable" ? kExitResumable : kExitFailed;
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        const auto progress = make_step_progress(::isatty(STDERR_FILENO) == 1, console.quiet());
        const StudyEnvironment environment{
            .pool = *pool, .progress = *progress, .device = common.device, .warn = [&](std::string text) {
                console.warn(std::move(text));
            }};
        DWUBIT_ASSIGN(Json result, run_study(request_, environment));
        console.print(request_.dry_run ? plan_table(result) : summary(result));
        return result;
    }

private:
    StudyRequest request_;
};

}  // namespace

std::unique_ptr<Command> make_study() {
    return std::make_unique<Study>();
}

}  // namespace dwubit::cli
