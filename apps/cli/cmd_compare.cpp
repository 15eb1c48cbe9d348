#include "arguments.h"
#include "command.h"
#include "eval/run_compare.h"

namespace dwubit::cli {
namespace {

constexpr std::int64_t kMostResamples = 10'000'000;

class Compare final : public Command {
public:
    void declare(CLI::App& app) override {
        app.add_option("A", request_.a, "results of the base: a folder that eval --log-samples wrote")->required();
        app.add_option("B", request_.b, "results of the model to compare with it")->required();
        app.add_option("-o,--output", request_.output, "folder to make: compare.json and compare.md");
        app.add_flag("--overwrite", request_.overwrite, "replace what is at -o");
        add_integer(app, "--resamples", request_.options.resamples, 1, kMostResamples,
                    "resamples that intervals are taken from");
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        request_.options.seed = static_cast<std::uint64_t>(common.seed);
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(CompareAnswer answer, run_compare(request_, *pool));
        for (std::string& warning : answer.warnings) console.warn(std::move(warning));
        console.print(answer.text);
        return std::move(answer.object);
    }

private:
    CompareRequest request_;
};

}  // namespace

std::unique_ptr<Command> make_compare() {
    return std::make_unique<Compare>();
}

}  // namespace dwubit::cli
