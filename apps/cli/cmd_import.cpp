#include "arguments.h"
#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "convert/quip_sharp.h"

namespace dwubit::cli {
namespace {

constexpr const char* kLayout = "quip-sharp";

class Import final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_option("--from", from_, "layout: quip-sharp, a checkpoint that QuIP#'s code reads")->required();
        app.add_option("-o,--output", output_, "folder to write; must not exist")->required();
        app.add_flag("--overwrite", overwrite_, "replace the folder where it exists");
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        if (from_ != kLayout) {
            Error error = errorf(ErrorKind::kUsage, "--from {}: this build cannot read that layout", printable(from_));
            error.hint = fmt::format("it reads: {}", kLayout);
            return error;
        }
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const QuipSharpImport done,
                      import_quip_sharp(model_, output_, overwrite_, *pool, console.progress()));
        console.print(fmt::format("{}: {} modules in e8p of {} bits; {:.1f} MB\n", output_.string(), done.modules,
                                  done.bits, static_cast<double>(done.bytes) / 1e6));
        return Json{{"path", output_.string()},
                    {"layout", from_},
                    {"bytes", done.bytes},
                    {"modules", done.modules},
                    {"bits", done.bits}};
    }

private:
    std::filesystem::path model_;
    std::filesystem::path output_;
    std::string from_;
    bool overwrite_ = false;
};

}  // namespace

std::unique_ptr<Command> make_import() {
    return std::make_unique<Import>();
}

}  // namespace dwubit::cli
