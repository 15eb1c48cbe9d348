#include <array>

#include "base/text.h"
#include "lab/failure.h"
#include "lab/methods/method.h"

namespace dwubit::lab {

#define DWUBIT_METHOD(folder) extern const Method method_##folder;
#include "lab/methods/methods.inc"
#undef DWUBIT_METHOD

std::span<const Method* const> methods() {
    static constexpr std::array kMethods = {
#define DWUBIT_METHOD(folder) &method_##folder,
#include "lab/methods/methods.inc"
#undef DWUBIT_METHOD
    };
    return kMethods;
}

const Method& find_method(std::string_view id) {
    std::vector<std::string> known;
    for (const Method* method : methods()) {
        if (method->id == id) return *method;
        known.emplace_back(method->id);
    }
    Error error =
        errorf(ErrorKind::kUsage, "--method '{}': unknown; there are: {}", printable(id), fmt::join(known, ", "));
    if (const auto nearest = nearest_name(id, known)) error.hint = fmt::format("did you mean '{}'?", *nearest);
    throw Failure(std::move(error));
}

Json methods_json() {
    Json list = Json::array();
    for (const Method* method : methods()) {
        list.push_back({{"id", method->id},
                        {"paper", method->paper},
                        {"formats", std::vector<std::string>(method->formats.begin(), method->formats.end())},
                        {"needs", method->needs_hessians ? Json::array({"hessians"}) : Json::array()},
                        {"default_recipe", method->default_recipe},
                        {"recipes", recipes_json(method->options(), method->recipes())}});
    }
    return {{"methods", std::move(list)}};
}

}  // namespace dwubit::lab
