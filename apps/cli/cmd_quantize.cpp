#include "arguments.h"
#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "lab_api/lab_api.h"

namespace dwubit::cli {
namespace {

std::string number_text(const Json& value) {
    return value.is_number() ? fmt::format("{:.4f}", value.get<double>()) : "-";
}

std::string summary(const Json& result) {
    std::string text;
    for (const Json& tensor : result["tensors"]) {
        text += fmt::format("  {:<42} {:<14} {:6.3f} bits  proxy {}  error {}\n", tensor["name"].get<std::string>(),
                            tensor["format"].get<std::string>(), tensor["bits_per_weight"].get<double>(),
                            number_text(tensor["relative_proxy"]), number_text(tensor["relative_frobenius"]));
    }
    return text + fmt::format(
                      "{}: {} {}, {:.4f} bits per linear weight, {:.4f} of the file, {:.1f} MB\n"
                      "mean relative proxy {}, {:.1f} s\n",
                      result["model"].get<std::string>(), result["method"].get<std::string>(),
                      result["recipe"].get<std::string>(), result["bits_per_weight_linears"].get<double>(),
                      result["bits_per_weight_file"].get<double>(), result["bytes"].get<double>() / 1e6,
                      number_text(result["mean_relative_proxy"]), result["seconds"].get<double>());
}

class Quantize final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, request_.model);
        app.add_option("--method", request_.method, "how: dwubit methods lists them")->required();
        app.add_option("--recipe", request_.recipe, "a named set of the method's options; default the method's own");
        app.add_option("--hessians", request_.hessians, "folder made by dwubit calibrate");
        app.add_option("-o,--output", request_.output, "folder to make")->required();
        app.add_option("--set", settings_, "key=value: one option of the method; may be given many times")
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->allow_extra_args(false);
        app.add_option("--layers", request_.layers, "layers to quantize, 0,3-5; default all");
        app.add_flag("--overwrite", request_.overwrite, "replace what is at -o");
    }

    bool runs_in_lab() const override { return true; }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        for (const std::string& setting : settings_) {
            const std::size_t equals = setting.find('=');
            if (equals == std::string::npos || equals == 0) {
                return errorf(ErrorKind::kUsage, "--set {}: must be key=value", printable(setting));
            }
            request_.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
        }
        DWUBIT_ASSIGN(const LabApi* lab, open_lab());
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        LabContext context = lab_context(console, common, *pool);
        DWUBIT_ASSIGN(Json result, lab->quantize(request_, context));
        console.print(summary(result));
        return result;
    }

private:
    QuantizeRequest request_;
    std::vector<std::string> settings_;
};

}  // namespace

std::unique_ptr<Command> make_quantize() {
    return std::make_unique<Quantize>();
}

}  // namespace dwubit::cli
