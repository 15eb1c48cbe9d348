#include <fmt/format.h>

#include "arguments.h"
#include "command.h"
#include "study/run_study.h"

namespace dwubit::cli {
namespace {

class Report final : public Command {
public:
    void declare(CLI::App& app) override {
        app.add_option("DIR", request_.study, "folder of a study")->required();
        app.add_option("-o,--output", request_.output, "folder to write to; default DIR");
        app.add_flag("--no-timings", no_timings_,
                     "leave out seconds, times and machines: what differs from run to run");
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        request_.timings = !no_timings_;
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(Json result, write_study_report(request_, *pool));
        std::string text;
        for (const Json& sentence : result["verdict"]) text += sentence.get<std::string>() + "\n";
        for (const Json& file : result["files"]) text += fmt::format("{}\n", file.get<std::string>());
        console.print(text);
        return result;
    }

private:
    ReportRequest request_;
    bool no_timings_ = false;
};

}  // namespace

std::unique_ptr<Command> make_report() {
    return std::make_unique<Report>();
}

}  // namespace dwubit::cli
