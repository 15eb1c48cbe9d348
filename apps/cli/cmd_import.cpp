#include "arguments.h"
#include "base/error.h"
#include "base/text.h"
#include "checkpoint/gguf.h"
#include "command.h"
#include "convert/dense.h"
#include "convert/qtip.h"
#include "convert/quip_sharp.h"

namespace dwubit::cli {
namespace {

constexpr const char* kLayouts[] = {"quip-sharp", "qtip", "gguf"};

class Import final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_option("--from", from_,
                       "layout: quip-sharp or qtip, a checkpoint that their code reads; gguf, a file of llama.cpp's")
            ->required();
        app.add_option("-o,--output", output_, "folder to write; must not exist")->required();
        app.add_option("--dtype", dtype_,
                       "float32|bfloat16|float16: of what was quantized, in the layout gguf (float32)");
        app.add_flag("--overwrite", overwrite_, "replace the folder where it exists");
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        if (from_ == kLayouts[2]) return run_gguf(console, common);
        if (!dtype_.empty()) return errorf(ErrorKind::kUsage, "--dtype is for --from gguf").with_hint("leave it out");
        if (from_ == kLayouts[1]) return run_qtip(console);
        if (from_ != kLayouts[0]) {
            Error error = errorf(ErrorKind::kUsage, "--from {}: this build cannot read that layout", printable(from_));
            error.hint = fmt::format("it reads: {}", fmt::join(kLayouts, ", "));
            return error;
        }
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const QuipSharpImport done,
                      import_quip_sharp(model_, output_, overwrite_, *pool, console.progress()));
        return say(console, "e8p", done.modules, done.bits, done.bytes);
    }

private:
    // A folder of plain values is what its dense twin is.
    Result<Json> run_gguf(Console& console, const CommonOptions& common) {
        if (!is_gguf_file(model_)) {
            return errorf(ErrorKind::kInvalidInput, "{} is no GGUF file", model_.string());
        }
        DenseOptions options{.overwrite = overwrite_};
        if (dtype_.empty()) dtype_ = "float32";
        DWUBIT_ASSIGN(options.dtype, dense_dtype_from_name(dtype_));
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const DenseExport done, export_dense(model_, output_, options, *pool, console.progress()));
        console.print(fmt::format("{}: {} tensors, {} of them dequantized to {}; {:.1f} MB\n", output_.string(),
                                  done.tensors, done.dequantized, dtype_, static_cast<double>(done.bytes) / 1e6));
        return Json{
            {"path", output_.string()},        {"layout", from_}, {"bytes", done.bytes}, {"tensors", done.tensors},
            {"dequantized", done.dequantized}, {"dtype", dtype_}};
    }

    Result<Json> run_qtip(Console& console) {
        DWUBIT_ASSIGN(const QtipImport done, import_qtip(model_, output_, overwrite_, console.progress()));
        Json result = say(console, fmt::format("trellis ({})", done.code), done.modules, done.bits, done.bytes);
        result["code"] = done.code;
        return result;
    }

    Json say(Console& console, std::string_view format, std::int64_t modules, int bits, std::uint64_t bytes) const {
        console.print(fmt::format("{}: {} modules in {} of {} bits; {:.1f} MB\n", output_.string(), modules, format,
                                  bits, static_cast<double>(bytes) / 1e6));
        return {{"path", output_.string()}, {"layout", from_}, {"bytes", bytes}, {"modules", modules}, {"bits", bits}};
    }

    std::filesystem::path model_;
    std::filesystem::path output_;
    std::string from_;
    std::string dtype_;
    bool overwrite_ = false;
};

}  // namespace

std::unique_ptr<Command> make_import() {
    return std::make_unique<Import>();
}

}  // namespace dwubit::cli
