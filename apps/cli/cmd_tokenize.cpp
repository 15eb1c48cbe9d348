#include <fmt/ranges.h>

#include <charconv>

#include "arguments.h"
#include "base/error.h"
#include "command.h"
#include "corpus/corpus.h"

namespace dwubit::cli {
namespace {

Result<std::vector<TokenId>> parse_ids(const std::string& text) {
    std::vector<TokenId> ids;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
        TokenId id = 0;
        const auto [next, code] = std::from_chars(at, end, id);
        if (code != std::errc() || (next < end && *next != ',')) {
            return errorf(ErrorKind::kUsage, "--ids: '{}' is not a list of token ids", text)
                .with_hint("numbers with commas between them: --ids 1,2,3");
        }
        ids.push_back(id);
        at = next < end ? next + 1 : next;
    }
    return ids;
}

class Tokenize final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_option("-p,--prompt", text_, "the text");
        app.add_option("--data", data_, "a corpus: .jsonl or .txt, also .gz or .zst");
        add_field(app, field_);
        app.add_flag("--no-bos", no_bos_, "without the tokens that the tokenizer puts around a text");
        app.add_option("--ids", ids_, "decode these ids: 1,2,3");
        app.add_flag("--special", special_, "show special tokens in decoded text");
    }

    Result<Json> run(Console& console, const CommonOptions&) override {
        if ((text_ ? 1 : 0) + (data_ ? 1 : 0) + (ids_ ? 1 : 0) != 1) {
            return make_error(ErrorKind::kUsage, "give exactly one of -p TEXT, --data FILE and --ids LIST");
        }
        DWUBIT_ASSIGN(const Tokenizer tokenizer, load_tokenizer(model_));
        if (ids_) return decode(tokenizer, console);
        Json documents = Json::array();
        std::size_t count = 0;
        const auto add = [&](std::string_view text) -> Result<void> {
            DWUBIT_ASSIGN(const std::vector<TokenId> ids, tokenizer.encode(text, !no_bos_));
            count += ids.size();
            console.print(fmt::format("{}\n", fmt::join(ids, " ")));
            if (console.json()) documents.push_back(ids);
            return {};
        };
        if (text_) {
            DWUBIT_TRY(add(*text_));
        } else {
            DWUBIT_TRY(for_each_document(*data_, field_, add));
        }
        return Json{{"documents", std::move(documents)}, {"count", count}};
    }

private:
    Result<Json> decode(const Tokenizer& tokenizer, Console& console) const {
        DWUBIT_ASSIGN(const std::vector<TokenId> ids, parse_ids(*ids_));
        DWUBIT_ASSIGN(std::string text, tokenizer.decode(ids, !special_).context("--ids"));
        console.print(text + "\n");
        return Json{{"documents", Json::array({ids})}, {"count", ids.size()}, {"text", std::move(text)}};
    }

    std::filesystem::path model_;
    std::optional<std::string> text_;
    std::optional<std::filesystem::path> data_;
    std::string field_ = "text";
    bool no_bos_ = false;
    std::optional<std::string> ids_;
    bool special_ = false;
};

}  // namespace

std::unique_ptr<Command> make_tokenize() {
    return std::make_unique<Tokenize>();
}

}  // namespace dwubit::cli
