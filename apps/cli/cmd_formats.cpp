#include "base/error.h"
#include "command.h"
#include "runtime/cpu/isa.h"
#include "runtime/formats/format.h"

namespace dwubit::cli {
namespace {

// Whether this build on this machine can run it.
bool is_available(const FormatKernel& kernel) {
    return std::string_view(kernel.device) == "cpu" && runs_on(active_isa(), kernel.isa, kernel.needs);
}

Json describe(const FormatKernel& kernel) {
    return {{"name", kernel.name},
            {"op", kernel.op},
            {"isa", isa_suffix(kernel.isa, kernel.needs)},
            {"device", kernel.device},
            {"available", is_available(kernel)}};
}

std::string text_of(const Json& formats) {
    std::string text;
    for (const Json& format : formats) {
        std::string bits;
        for (const Json& width : format["bits"]) bits += (bits.empty() ? "" : ", ") + dump_json(width);
        text += fmt::format("{} version {}, codes of {} bits\n", format["id"].get<std::string>(),
                            format["version"].get<int>(), bits);
        for (const Json& kernel : format["kernels"]) {
            text += fmt::format("  {:<46} {:<10} {:<12} {:<4} {}\n", kernel["name"].get<std::string>(),
                                kernel["op"].get<std::string>(), kernel["isa"].get<std::string>(),
                                kernel["device"].get<std::string>(),
                                kernel["available"].get<bool>() ? "available" : "not on this machine");
        }
    }
    return text;
}

class Formats final : public Command {
public:
    void declare(CLI::App&) override {}

    Result<Json> run(Console& console, const CommonOptions&) override {
        if (!process_isa().ok()) return process_isa().error();
        Json list = Json::array();
        for (const Format* format : formats()) {
            Json kernels = Json::array();
            for (const FormatKernel& kernel : format->kernels) kernels.push_back(describe(kernel));
            list.push_back({{"id", format->id},
                            {"version", format->version},
                            {"bits", std::vector<int>(format->bits.begin(), format->bits.end())},
                            {"kernels", std::move(kernels)}});
        }
        console.print(text_of(list));
        return Json{{"formats", std::move(list)}};
    }
};

}  // namespace

std::unique_ptr<Command> make_formats() {
    return std::make_unique<Formats>();
}

}  // namespace dwubit::cli
