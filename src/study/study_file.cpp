#include "study/study_file.h"

#include <algorithm>
#include <limits>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "study/toml_table.h"

namespace dwubit {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 20;
constexpr std::int64_t kMaxInteger = std::int64_t{1} << 40;
constexpr std::int64_t kMaxShots = 1000;
constexpr std::int64_t kMaxResamples = 10'000'000;
constexpr std::size_t kMaxMethods = 100;
constexpr std::size_t kMaxNameBytes = 64;

// Reads one file: its folder, which paths are relative to, and what `[eval]` may say.
class StudyReader {
public:
    StudyReader(const TomlTable& root, const std::filesystem::path& file) : root_(root), folder_(file.parent_path()) {}

    Result<void> read(Study& study) const {
        DWUBIT_TRY(root_.check_keys({"name", "title", "model", "model_hint", "seed", "corpus", "calibrate",
                                     "perplexity", "eval", "methods", "budget"}));
        DWUBIT_TRY(read_head(study));
        DWUBIT_TRY(read_corpus(study));
        DWUBIT_TRY(read_calibration(study.calibration));
        DWUBIT_TRY(read_perplexity(study));
        DWUBIT_TRY(read_eval(study));
        DWUBIT_TRY(read_methods(study));
        return read_budget(study.budget);
    }

private:
    std::filesystem::path path(const std::string& text) const { return (folder_ / text).lexically_normal(); }

    Result<std::filesystem::path> required_path(const TomlTable& table, std::string_view key) const {
        DWUBIT_ASSIGN(const auto text, table.text(key));
        if (!text) return table.invalid(key, "is missing: it names a file or folder, relative to the study file");
        return path(*text);
    }

    // A name that is safe as a folder.
    static Result<void> check_name(const TomlTable& table, std::string_view key, std::string_view name) {
        const auto good = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                   c == '.';
        };
        if (!name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' &&
            std::all_of(name.begin(), name.end(), good)) {
            return {};
        }
        return table.invalid(key, fmt::format("must be 1 to {} letters, digits, '-', '_' or '.', not beginning with a "
                                              "dot: it names a folder",
                                              kMaxNameBytes));
    }

    static Result<void> read_choice(const TomlTable& table, std::string_view key,
                                    std::initializer_list<std::string_view> choices, std::string& value) {
        DWUBIT_ASSIGN(const auto text, table.text(key));
        if (!text) return {};
        if (std::find(choices.begin(), choices.end(), *text) == choices.end()) {
            return table.invalid(key, fmt::format("must be one of {}", fmt::join(choices, ", ")));
        }
        value = *text;
        return {};
    }

    template <class T>
    static void take(std::optional<T> found, T& value) {
        if (found) value = std::move(*found);
    }

    Result<void> read_head(Study& study) const {
        DWUBIT_ASSIGN(auto name, root_.text("name"));
        study.name = name.value_or(study.file.stem().string());
        if (const auto good = check_name(root_, "name", study.name); !good.ok()) {
            return name ? Error(good.error())
                        : root_.invalid("name", "is missing, and the file's own name does not do as a folder's name");
        }
        DWUBIT_ASSIGN(auto title, root_.text("title"));
        study.title = title.value_or(study.name);
        DWUBIT_ASSIGN(study.model, required_path(root_, "model"));
        DWUBIT_ASSIGN(auto hint, root_.text("model_hint"));
        study.model_hint = hint.value_or("");
        DWUBIT_ASSIGN(const auto seed, root_.integer("seed", 0, std::numeric_limits<std::int64_t>::max()));
        study.seed = static_cast<std::uint64_t>(seed.value_or(0));
        return {};
    }

    Result<void> read_corpus(Study& study) const {
        DWUBIT_ASSIGN(const auto table, root_.table("corpus"));
        if (!table) return {};
        DWUBIT_TRY(table->check_keys({"calibration", "heldout", "field", "bos", "doc-end"}));
        DWUBIT_ASSIGN(const auto calibration, table->text("calibration"));
        if (calibration) study.corpus.calibration = path(*calibration);
        DWUBIT_ASSIGN(const auto heldout, table->text("heldout"));
        if (heldout) study.corpus.heldout = path(*heldout);
        DWUBIT_ASSIGN(auto field, table->text("field"));
        take(std::move(field), study.corpus.field);
        DWUBIT_ASSIGN(auto bos, table->boolean("bos"));
        take(bos, study.corpus.add_bos);
        DWUBIT_ASSIGN(study.corpus.document_end, table->text("doc-end"));
        return {};
    }

    Result<void> read_calibration(StudyCalibration& calibration) const {
        DWUBIT_ASSIGN(const auto table, root_.table("calibrate"));
        if (!table) return {};
        DWUBIT_TRY(table->check_keys({"sequences", "length", "dtype"}));
        DWUBIT_ASSIGN(const auto sequences, table->integer("sequences", 1, kMaxInteger));
        take(sequences, calibration.sequences);
        DWUBIT_ASSIGN(const auto length, table->integer("length", 1, kMaxInteger));
        take(length, calibration.length);
        return read_choice(*table, "dtype", {"float32", "bfloat16"}, calibration.dtype);
    }

    Result<void> read_perplexity(Study& study) const {
        DWUBIT_ASSIGN(const auto table, root_.table("perplexity"));
        if (!table) return {};
        DWUBIT_TRY(table->check_keys({"window", "convention", "limit", "kl", "act"}));
        StudyPerplexity perplexity;
        DWUBIT_ASSIGN(const auto window, table->integer("window", 1, kMaxInteger));
        take(window, perplexity.window);
        DWUBIT_TRY(read_choice(*table, "convention", {"carry", "inside"}, perplexity.convention));
        DWUBIT_ASSIGN(perplexity.limit, table->integer("limit", 1, kMaxInteger));
        DWUBIT_ASSIGN(const auto kl, table->boolean("kl"));
        take(kl, perplexity.kl);
        DWUBIT_ASSIGN(auto act, table->text("act"));
        take(std::move(act), perplexity.act);
        if (study.corpus.heldout.empty()) {
            return root_.invalid("perplexity", "needs heldout = \"FILE\" in [corpus], the text that it is measured on");
        }
        study.perplexity = std::move(perplexity);
        return {};
    }

    Result<void> read_eval(Study& study) const {
        DWUBIT_ASSIGN(const auto table, root_.table("eval"));
        if (!table) return {};
        DWUBIT_TRY(table->check_keys(
            {"tasks", "include", "datasets", "num_fewshot", "limit", "bootstrap_iters", "harness", "act"}));
        StudyEval eval;
        DWUBIT_ASSIGN(eval.tasks, table->texts("tasks"));
        if (eval.tasks.empty()) return table->invalid("tasks", "is missing: names of tasks, groups or tags");
        DWUBIT_ASSIGN(const auto include, table->texts("include"));
        for (const std::string& text : include) eval.include.push_back(path(text));
        DWUBIT_ASSIGN(const auto datasets, table->texts("datasets"));
        for (const std::string& text : datasets) eval.datasets.push_back(path(text));
        DWUBIT_ASSIGN(eval.num_fewshot, table->integer("num_fewshot", 0, kMaxShots));
        DWUBIT_ASSIGN(eval.limit, table->number("limit", 0, 1e12));
        if (eval.limit && *eval.limit == 0) eval.limit.reset();
        DWUBIT_ASSIGN(const auto resamples, table->integer("bootstrap_iters", 0, kMaxResamples));
        take(resamples, eval.bootstrap_iters);
        DWUBIT_TRY(read_choice(*table, "harness", {"0.4", "polish"}, eval.harness));
        DWUBIT_ASSIGN(auto act, table->text("act"));
        take(std::move(act), eval.act);
        study.eval = std::move(eval);
        return {};
    }

    static Result<StudyMethod> read_method(const TomlTable& table, const std::string& id) {
        StudyMethod method{.id = id, .method = id, .recipe = {}, .settings = {}, .layers = {}};
        DWUBIT_TRY(table.check_keys({"method", "recipe", "layers", "set"}));
        DWUBIT_ASSIGN(auto name, table.text("method"));
        take(std::move(name), method.method);
        DWUBIT_ASSIGN(method.recipe, table.text("recipe"));
        DWUBIT_ASSIGN(method.layers, table.text("layers"));
        DWUBIT_ASSIGN(const auto settings, table.table("set"));
        if (!settings) return method;
        for (const std::string& key : settings->keys()) {
            DWUBIT_ASSIGN(std::string value, settings->plain(key));
            method.settings.emplace_back(key, std::move(value));
        }
        return method;
    }

    Result<void> read_methods(Study& study) const {
        DWUBIT_ASSIGN(const auto table, root_.table("methods"));
        if (!table) return {};
        for (const std::string& id : table->keys()) {
            DWUBIT_TRY(check_name(*table, id, id));
            if (id == kBaseId) return table->invalid(id, "is the unquantized model's name: choose another");
            DWUBIT_ASSIGN(const auto entry, table->table(id));
            DWUBIT_ASSIGN(StudyMethod method, read_method(*entry, id));
            study.methods.push_back(std::move(method));
        }
        if (study.methods.size() > kMaxMethods) {
            return root_.invalid("methods",
                                 fmt::format("has {} entries, at most {}", study.methods.size(), kMaxMethods));
        }
        if (!study.methods.empty() && study.corpus.calibration.empty()) {
            return root_.invalid("methods", "need calibration = \"FILE\" in [corpus], the text for the Hessians");
        }
        return {};
    }

    Result<void> read_budget(StudyBudget& budget) const {
        constexpr double kMost = 1e9;
        DWUBIT_ASSIGN(const auto table, root_.table("budget"));
        if (!table) return {};
        DWUBIT_TRY(table->check_keys({"hours", "usd", "usd_per_hour", "memory_gb", "disk_gb"}));
        DWUBIT_ASSIGN(budget.hours, table->number("hours", 0, kMost));
        DWUBIT_ASSIGN(budget.usd, table->number("usd", 0, kMost));
        DWUBIT_ASSIGN(const auto price, table->number("usd_per_hour", 0, kMost));
        take(price, budget.usd_per_hour);
        DWUBIT_ASSIGN(budget.memory_gb, table->number("memory_gb", 0, kMost));
        DWUBIT_ASSIGN(budget.disk_gb, table->number("disk_gb", 0, kMost));
        if (budget.usd && budget.usd_per_hour == 0) {
            return table->invalid("usd", "needs usd_per_hour, the price of the machine");
        }
        return {};
    }

    const TomlTable& root_;
    std::filesystem::path folder_;
};

// The line of the first character outside ASCII that stands neither in quotes nor in a comment, where TOML has none and
// toml++ 3.3 has undefined behaviour; 0: there is none.
std::int64_t find_bare_non_ascii(std::string_view text) {
    std::int64_t line = 1;
    std::string_view closing;  // of the quotes or comment that `at` is in
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::string_view rest = text.substr(at);
        if (rest.front() == '\n') ++line;
        if (!closing.empty()) {
            const bool basic = closing.front() == '"';
            if (basic && rest.front() == '\\') {
                ++at;
            } else if (rest.rfind(closing, 0) == 0 || (closing.size() == 1 && rest.front() == '\n')) {
                at += closing.size() - 1;
                closing = {};
            }
            continue;
        }
        if (static_cast<unsigned char>(rest.front()) >= 0x80) return line;
        if (rest.front() == '#') closing = "\n";
        for (const std::string_view quotes : {"\"\"\"", "'''", "\"", "'"}) {
            if (rest.rfind(quotes, 0) != 0) continue;
            closing = quotes;
            at += quotes.size() - 1;
            break;
        }
    }
    return 0;
}

Result<toml::table> parse_toml(std::string_view text, const std::string& name) {
    constexpr const char* kHint = "a study file is TOML; docs/studies.md has one, explained";
    if (const std::int64_t line = find_bare_non_ascii(text); line != 0) {
        return errorf(ErrorKind::kInvalidInput, "{}:{}: a character outside ASCII that is not in quotes", name, line)
            .with_hint(kHint);
    }
    try {
        toml::parse_result parsed = toml::parse(text, std::string_view(name));
        if (parsed) return std::move(parsed).table();
        const toml::parse_error& problem = parsed.error();
        return errorf(ErrorKind::kInvalidInput, "{}:{}: {}", name, problem.source().begin.line,
                      printable(problem.description(), 200))
            .with_hint(kHint);
    } catch (const TomlAssertion&) {
        return errorf(ErrorKind::kInvalidInput, "{}: is no TOML; a key or a bracket is not closed on its line", name)
            .with_hint(kHint);
    }
}

}  // namespace

Result<Study> parse_study(std::string_view text, const std::filesystem::path& file) {
    const std::string name = printable(file.string(), 200);
    if (const auto bad = find_invalid_utf8(text)) {
        return errorf(ErrorKind::kInvalidInput, "{}: not UTF-8 at byte {}", name, *bad);
    }
    DWUBIT_ASSIGN(const toml::table parsed, parse_toml(text, name));
    Study study;
    study.file = file;
    study.sha256 = sha256_hex(text);
    const TomlTable root(parsed, name, "");
    DWUBIT_TRY(StudyReader(root, file).read(study));
    return study;
}

Result<Study> read_study(const std::filesystem::path& file) {
    DWUBIT_ASSIGN(const std::string text, read_file(file, kMaxFileBytes));
    return parse_study(text, file);
}

}  // namespace dwubit
