#include "lab/pipeline/model_card.h"

#include <fmt/format.h>

#include <map>

#include "base/text.h"

namespace dwubit::lab {
namespace {

std::string number(const Json& value) {
    return value.is_number() ? fmt::format("{:.4f}", value.get<double>()) : "not measured";
}

// Mean loss per kind of linear: the last part of the module's name.
std::string loss_table(const Json& tensors) {
    struct Row {
        double proxy = 0;
        double frobenius = 0;
        double bits = 0;
        int count = 0;
        int proxies = 0;
    };
    std::map<std::string, Row> rows;
    for (const Json& tensor : tensors) {
        const std::string name = tensor.at("name");
        Row& row = rows[name.substr(name.rfind('.') + 1)];
        if (tensor.at("relative_proxy").is_number()) {
            row.proxy += tensor.at("relative_proxy").get<double>();
            ++row.proxies;
        }
        row.frobenius += tensor.at("relative_frobenius").get<double>();
        row.bits += tensor.at("bits_per_weight").get<double>();
        ++row.count;
    }
    std::string text =
        "| linear | tensors | bits per weight | relative proxy | relative Frobenius |\n|---|---|---|---|---|\n";
    for (const auto& [kind, row] : rows) {
        text += fmt::format("| {} | {} | {:.4f} | {} | {:.4f} |\n", kind, row.count, row.bits / row.count,
                            row.proxies > 0 ? number(row.proxy / row.proxies) : number({}), row.frobenius / row.count);
    }
    return text;
}

// The last part of the name that the source's config has for itself.
std::string source_name(const Json& config) {
    const auto name = config.find("_name_or_path");
    if (name == config.end() || !name->is_string()) return "A model";
    const std::string text = printable(name->get<std::string>());
    const std::string last = text.substr(text.find_last_of('/') + 1);
    return last.empty() ? "A model" : last;
}

}  // namespace

std::string model_card(const Json& manifest, const HfDir& source) {
    const std::string method = manifest.at("method");
    std::string text = fmt::format(
        "---\nbase_model_relation: quantized\nlibrary_name: dwubit\npipeline_tag: text-generation\n"
        "tags: [quantized, {}-bit, {}]\n---\n\n",
        manifest.at("parameters").value("bits", 2), method);
    text += fmt::format("# {} by {}\n\n", source_name(source.config), method);
    text += fmt::format("Quantized with dwubit {} by method `{}`, recipe `{}`.\n\n",
                        manifest.at("dwubit").get<std::string>(), method, manifest.at("recipe").get<std::string>());
    text += fmt::format(
        "| | |\n|---|---|\n| bits per weight, quantized linears | {} |\n| bits per weight, whole file | {} |\n",
        number(manifest.at("bits_per_weight_linears")), number(manifest.at("bits_per_weight_file")));
    text += fmt::format("| bytes of weights | {} |\n| bytes read per generated token | {} |\n",
                        manifest.at("bytes").get<std::uint64_t>(), manifest.at("bytes_per_token").get<std::uint64_t>());
    text += fmt::format("| mean relative proxy loss | {} |\n| mean relative Frobenius error | {} |\n\n",
                        number(manifest.at("mean_relative_proxy")), number(manifest.at("mean_relative_frobenius")));
    text += loss_table(manifest.at("tensors"));
    text += fmt::format("\nParameters: `{}`. Source model sha256 `{}`.\n", manifest.at("parameters").dump(),
                        manifest.at("model_sha256").get<std::string>());
    const Json& hessians = manifest.at("hessians");
    if (hessians.is_object()) {
        text += fmt::format("Calibration corpus sha256 `{}`, settings `{}`.\n",
                            hessians.at("fingerprint").value("corpus", std::string()),
                            hessians.at("fingerprint").at("settings").dump());
    }
    text +=
        "\nRun it with `dwubit generate DIR -p TEXT`; `dwubit export DIR --to dense -o OUT` writes plain weights that "
        "any "
        "loader reads.\n`dwubit.json` has every tensor's loss and the hash of every input.\n";
    return text;
}

}  // namespace dwubit::lab
