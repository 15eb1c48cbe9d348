// dwubit: the program. Finds the command, lets it declare its options, parses, runs, reports.
#include <signal.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <exception>
#include <new>

#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "command.h"
#include "dwubit/version.h"

namespace dwubit::cli {
namespace {

// One row per command, in the order of the help text.
constexpr CommandEntry kCommands[] = {
    {"tokenize", "text to token ids, or ids to text", make_tokenize},
    {"generate", "continue a prompt", make_generate},
    {"chat", "talk with a model", make_chat},
    {"perplexity", "perplexity of a corpus", make_perplexity},
    {"eval", "scores on tasks, as lm-evaluation-harness gives them", make_eval},
    {"calibrate", "Hessians of every linear of a model, from a text", make_calibrate},
    {"hessians", "merge, import, export Hessians, and what is in a store of them", make_hessians},
    {"quantize", "a model at fewer bits, by one of the methods", make_quantize},
    {"export", "a model in another layout: its dense twin, QuIP#'s checkpoints", make_export},
    {"import", "a model from another layout: QuIP#'s checkpoints", make_import},
    {"inspect", "what a model is, how large, and which kernels will run it", make_inspect},
    {"tasks", "the tasks, groups and tags that eval knows", make_tasks},
    {"methods", "the quantization methods of this build, their recipes and options", make_methods},
    {"formats", "the packed formats of this build and their kernels", make_formats},
};

std::string usage() {
    std::string text = fmt::format(
        "dwubit {}: language models at two bits per weight\n\nusage: dwubit COMMAND [options]\n\n", version());
    for (const CommandEntry& entry : kCommands) text += fmt::format("  {:<12} {}\n", entry.name, entry.summary);
    text += "\ndwubit COMMAND --help has the options of a command; --json prints one JSON object.\n";
    return text;
}

const CommandEntry* find_command(std::string_view name) {
    const auto found =
        std::find_if(std::begin(kCommands), std::end(kCommands), [&](const auto& entry) { return name == entry.name; });
    return found == std::end(kCommands) ? nullptr : found;
}

Error unknown_command(std::string_view name) {
    std::vector<std::string> names;
    for (const CommandEntry& entry : kCommands) names.emplace_back(entry.name);
    Error error = errorf(ErrorKind::kUsage, "unknown command '{}'", printable(name));
    const auto nearest = nearest_name(name, names);
    error.hint = nearest ? fmt::format("did you mean '{}'?", *nearest) : "dwubit --help lists the commands";
    return error;
}

// Dashes and underscores in flag names are equal: "--num_fewshot=3" is read as "--num-fewshot=3".
std::string normalise_flag(std::string argument) {
    if (argument.rfind("--", 0) != 0) return argument;
    const auto end = argument.begin() + static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size()));
    std::replace(argument.begin(), end, '_', '-');
    return argument;
}

// Normalises the long flags among `arguments` and returns their names. What follows an option that takes a value is
// that value, whatever it looks like: a prompt may begin with dashes.
std::vector<std::string> read_flags(const CLI::App& app, std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    bool is_value = false;
    for (std::string& argument : arguments) {
        if (is_value) {
            is_value = false;
            continue;
        }
        if (argument == "--") break;
        argument = normalise_flag(std::move(argument));
        if (argument.rfind("--", 0) == 0) names.push_back(argument.substr(0, argument.find('=')));
        const CLI::Option* option = app.get_option_no_throw(argument);
        is_value = option != nullptr && argument.front() == '-' && option->get_items_expected_min() > 0;
    }
    return names;
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

// What CLI11 says of an argument that it cannot place, with the nearest option as hint.
Error parse_error(const CLI::ParseError& failure, const CLI::App& app, const std::vector<std::string>& flags) {
    Error error = make_error(ErrorKind::kUsage, failure.what());
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    for (const std::string& flag : flags) {
        if (contains(names, flag)) continue;
        error.message = fmt::format("unknown option {}", printable(flag));
        if (const auto nearest = nearest_name(flag, names)) error.hint = fmt::format("did you mean {}?", *nearest);
        break;
    }
    if (error.hint.empty()) error.hint = app.get_name() + " --help lists the options";
    return error;
}

int fail(const Error& error, const std::string& command, const Console& console) {
    report_error(error, command, console.json(), console.warnings());
    return exit_code(error);
}

int print_help(const std::string& text, Console& console) {
    console.print(text);
    return console.json() && !report_result({{"help", text}}, "dwubit help", {}) ? kExitFailed : kExitDone;
}

// The first SIGINT or SIGTERM asks for a stop, the second ends the process.
void stop_at_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { request_stop(); };
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigemptyset(&action.sa_mask);
    for (const int signal : {SIGINT, SIGTERM}) {
        struct sigaction before {};
        // What the parent had ignored (nohup) stays ignored.
        if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signal, &action, nullptr);
    }
}

// Declares, parses and runs. Exceptions of the standard library that get here are out-of-memory or bugs.
int run_command(const CommandEntry& entry, std::vector<std::string> arguments, Console& console) {
    const std::string name = std::string("dwubit ") + entry.name;
    const std::unique_ptr<Command> command = entry.make();
    CLI::App app(entry.summary, name);
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    bool json = false;
    bool quiet = false;
    app.add_flag("--json", json, "print one JSON object");
    app.add_flag("-q,--quiet", quiet, "no progress");
    CommonOptions common;
    common.declare(app);
    command->declare(app);
    const std::vector<std::string> flags = read_flags(app, arguments);
    // Known before parsing, so that errors of parsing have their envelope too.
    console.set_json(contains(flags, "--json"));
    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        return print_help(app.help(), console);
    } catch (const CLI::ParseError& failure) {
        return fail(parse_error(failure, app, flags), name, console);
    }
    console.set_quiet(quiet);
    Result<Json> result = make_error(ErrorKind::kInternal, "the command did not run");
    try {
        if (command->runs_in_lab()) stop_at_signals();
        const Result<void> device = command->runs_in_lab() ? Result<void>() : common.check_device();
        result = device.ok() ? command->run(console, common) : Result<Json>(device.error());
    } catch (const std::bad_alloc&) {
        result = make_error(ErrorKind::kOutOfMemory, "out of memory").with_hint("a smaller model, window or context");
    } catch (const std::exception& exception) {
        result = make_error(ErrorKind::kInternal, exception.what());
    }
    if (!result.ok()) return fail(result.error(), name, console);
    if (console.json() && !report_result(std::move(*result), name, console.warnings())) {
        return fail(make_error(ErrorKind::kIo, "cannot write to stdout"), name, console);
    }
    return kExitDone;
}

int run(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    Console console;
    console.set_json(contains(arguments, "--json"));  // until the command knows better
    if (arguments.empty()) {
        return fail(make_error(ErrorKind::kUsage, "no command given").with_hint("dwubit --help lists the commands"),
                    "dwubit", console);
    }
    const std::string& first = arguments.front();
    if (first == "--version" || first == "-V") {
        console.print(fmt::format("dwubit {}\n", version()));
        return console.json() && !report_result(Json::object(), "dwubit version", {}) ? kExitFailed : kExitDone;
    }
    if (first == "--help" || first == "-h" || first == "help") {
        return print_help(usage(), console);
    }
    const CommandEntry* entry = find_command(first);
    if (entry == nullptr) return fail(unknown_command(first), "dwubit", console);
    return run_command(*entry, {arguments.begin() + 1, arguments.end()}, console);
}

}  // namespace
}  // namespace dwubit::cli

int main(int argc, char** argv) {
    std::signal(SIGXFSZ, SIG_IGN);  // a file size limit becomes an error of write()
    return dwubit::cli::run(argc, argv);
}
