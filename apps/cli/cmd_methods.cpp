#include "base/error.h"
#include "command.h"
#include "lab_api/lab_api.h"

namespace dwubit::cli {
namespace {

std::string option_text(const std::string& key, const Json& option) {
    std::string range;
    if (option.contains("choices")) {
        for (const Json& choice : option["choices"]) range += (range.empty() ? "" : "|") + choice.get<std::string>();
    } else if (option["min"].is_number()) {
        range = fmt::format("{} to {}", option["min"].get<double>(), option["max"].get<double>());
    }
    return fmt::format("      {:<12} {:<26} default {:<10} {}\n", key, range, dump_json(option["default"]),
                       option["help"].get<std::string>());
}

// A recipe by what it changes; options with all their help once, for the default recipe.
std::string method_text(const Json& method) {
    std::string formats;
    for (const Json& format : method["formats"]) formats += " " + format.get<std::string>();
    std::string text =
        fmt::format("{}  ({}; formats:{}{})\n", method["id"].get<std::string>(), method["paper"].get<std::string>(),
                    formats, method["needs"].empty() ? "" : "; needs --hessians");
    std::string names;
    const Json* standard = nullptr;
    for (const Json& recipe : method["recipes"]) {
        const bool is_default = recipe["name"] == method["default_recipe"];
        if (is_default) standard = &recipe;
        names += " " + recipe["name"].get<std::string>() + (is_default ? " (default)" : "");
    }
    text += "    recipes:" + names + "\n";
    if (standard != nullptr) {
        for (const auto& [key, option] : (*standard)["options"].items()) text += option_text(key, option);
    }
    return text;
}

class Methods final : public Command {
public:
    void declare(CLI::App&) override {}

    Result<Json> run(Console& console, const CommonOptions&) override {
        DWUBIT_ASSIGN(const LabApi* lab, open_lab());
        DWUBIT_ASSIGN(Json result, lab->methods());
        for (const Json& method : result["methods"]) console.print(method_text(method));
        return result;
    }
};

}  // namespace

std::unique_ptr<Command> make_methods() {
    return std::make_unique<Methods>();
}

}  // namespace dwubit::cli
