#include <fmt/format.h>

#include "arguments.h"
#include "command.h"
#include "lab_api/lab_api.h"

namespace dwubit::cli {
namespace {

class Calibrate final : public Command {
public:
    bool runs_in_lab() const override { return true; }

    void declare(CLI::App& app) override {
        add_model(app, request_.model);
        app.add_option("--data", request_.data, "a corpus: .jsonl or .txt, also .gz or .zst")->required();
        app.add_option("-o,--output", request_.output, "folder of the Hessians")->required();
        add_integer(app, "--sequences", request_.sequences, 1, kNoLimit, "sequences of the corpus that are read");
        add_integer(app, "--length", request_.length, 1, kNoLimit, "tokens of a sequence");
        app.add_option("--dtype", request_.dtype, "float32|bfloat16: weights and activations")->capture_default_str();
        add_field(app, request_.field);
        app.add_flag("--no-bos", no_bos_, "documents without BOS");
        app.add_option("--doc-end", request_.document_end,
                       "ID|TOKEN|none after each document; default </s>, else the EOS");
        app.add_flag("--overwrite", request_.overwrite, "replace an output folder that exists");
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        request_.add_bos = !no_bos_;
        DWUBIT_ASSIGN(const LabApi* const lab, open_lab());
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        LabContext context = lab_context(console, common, *pool);
        DWUBIT_ASSIGN(Json result, lab->calibrate(request_, context));
        print(result, console);
        return result;
    }

private:
    static void print(const Json& result, Console& console) {
        console.print(fmt::format("{} Hessians of {} tokens ({} x {}, {}) in {}\n{:.1f} s, {:.0f} GFLOP/s\n",
                                  result.at("sites").size(), result.at("tokens").get<std::int64_t>(),
                                  result.at("sequences").get<std::int64_t>(), result.at("length").get<std::int64_t>(),
                                  result.at("dtype").get<std::string>(), result.at("hessians").get<std::string>(),
                                  result.at("seconds").get<double>(), result.at("gflops").get<double>()));
    }

    CalibrateRequest request_;
    bool no_bos_ = false;
};

}  // namespace

std::unique_ptr<Command> make_calibrate() {
    return std::make_unique<Calibrate>();
}

}  // namespace dwubit::cli
