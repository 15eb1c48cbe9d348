#include "arguments.h"
#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "convert/dense.h"
#include "convert/gguf.h"
#include "convert/qtip.h"
#include "convert/quip_sharp.h"

namespace dwubit::cli {
namespace {

constexpr const char* kLayouts[] = {"dense", "quip-sharp", "qtip", "gguf"};

Error unknown_layout(const std::string& name) {
    const std::vector<std::string> names(std::begin(kLayouts), std::end(kLayouts));
    Error error = errorf(ErrorKind::kUsage, "--to {}: this build cannot write that layout", printable(name));
    error.hint = fmt::format("it writes: {}", fmt::join(names, ", "));
    return error;
}

class Export final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_option("--to", to_,
                       "layout: dense, a Hugging Face folder without quantized linears; quip-sharp and qtip, what the "
                       "code of QuIP# and QTIP reads; gguf, one file for llama.cpp")
            ->required();
        app.add_option("-o,--output", output_, "folder to write, of gguf a file; must not exist")->required();
        app.add_option("--dtype", dtype_,
                       "float32|bfloat16|float16: of what was quantized, in the layout dense (float32)");
        app.add_option("--type", type_,
                       "keep|f32|f16|bf16|q8_0: of the matrices, in the layout gguf (keep: as they are stored)");
        app.add_flag("--overwrite", overwrite_, "replace it where it exists");
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        if (to_ == kLayouts[3]) return run_gguf(console, common);
        if (!type_.empty()) return errorf(ErrorKind::kUsage, "--type is for --to gguf").with_hint("leave it out");
        if (to_ == kLayouts[1] || to_ == kLayouts[2]) return run_llama(console, common);
        if (to_ != kLayouts[0]) return unknown_layout(to_);
        DenseOptions options{.overwrite = overwrite_};
        if (dtype_.empty()) dtype_ = "float32";
        DWUBIT_ASSIGN(options.dtype, dense_dtype_from_name(dtype_));
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const DenseExport done, export_dense(model_, output_, options, *pool, console.progress()));
        if (done.dequantized == 0) {
            console.warn(
                fmt::format("{} has no quantized linears; its tensors are copied as they are", model_.string()));
        }
        console.print(fmt::format("{}: {} tensors, {} of them dequantized to {}; {:.1f} MB\n", output_.string(),
                                  done.tensors, done.dequantized, dtype_, static_cast<double>(done.bytes) / 1e6));
        return Json{
            {"path", output_.string()},        {"layout", to_},  {"bytes", done.bytes}, {"tensors", done.tensors},
            {"dequantized", done.dequantized}, {"dtype", dtype_}};
    }

private:
    // The layouts of checkpoints with quantized linears.
    Result<Json> run_llama(Console& console, const CommonOptions& common) {
        if (!dtype_.empty()) {
            return errorf(ErrorKind::kUsage, "--dtype: the layout {} is float16 always", to_).with_hint("leave it out");
        }
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const LlamaExported done,
                      to_ == kLayouts[1] ? export_quip_sharp(model_, output_, overwrite_, *pool, console.progress())
                                         : export_qtip(model_, output_, overwrite_, console.progress()));
        console.print(
            fmt::format("{}: {} modules, codes unpacked again and compared; factors changed by at most {:.1e} by "
                        "float16; {:.1f} MB\n",
                        output_.string(), done.modules, done.factor_rounding, static_cast<double>(done.bytes) / 1e6));
        return Json{{"path", output_.string()},
                    {"layout", to_},
                    {"bytes", done.bytes},
                    {"modules", done.modules},
                    {"factor_rounding", done.factor_rounding}};
    }

    Result<Json> run_gguf(Console& console, const CommonOptions& common) {
        if (!dtype_.empty()) {
            return errorf(ErrorKind::kUsage, "--dtype is for --to dense").with_hint("--type, for gguf");
        }
        GgufOptions options{.overwrite = overwrite_};
        if (!type_.empty()) options.type = type_;
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const GgufExport done, export_gguf(model_, output_, options, *pool, console.progress()));
        for (const std::string& warning : done.warnings) console.warn(warning);
        console.print(fmt::format("{}: {} tensors, matrices of the layers in {}; {:.1f} MB\n", output_.string(),
                                  done.tensors, done.type, static_cast<double>(done.bytes) / 1e6));
        return Json{{"path", output_.string()},
                    {"layout", to_},
                    {"bytes", done.bytes},
                    {"tensors", done.tensors},
                    {"type", done.type}};
    }

    std::filesystem::path model_;
    std::filesystem::path output_;
    std::string to_;
    std::string dtype_;
    std::string type_;
    bool overwrite_ = false;
};

}  // namespace

std::unique_ptr<Command> make_export() {
    return std::make_unique<Export>();
}

}  // namespace dwubit::cli
