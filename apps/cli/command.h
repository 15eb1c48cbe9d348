// A sub-command: declares its options, then runs and returns the object that --json prints.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "arguments.h"
#include "console.h"
#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit::cli {

class Command {
public:
    virtual ~Command() = default;
    virtual void declare(CLI::App& app) = 0;
    // Long work in the lab: --device is the lab's to judge, and SIGINT and SIGTERM ask for a stop that can be resumed.
    virtual bool runs_in_lab() const { return false; }
    // Prints for people through `console` unless console.json(); returns the members of the --json object.
    virtual Result<Json> run(Console& console, const CommonOptions& common) = 0;
};

struct CommandEntry {
    const char* name;
    const char* summary;
    std::unique_ptr<Command> (*make)();
};

std::unique_ptr<Command> make_calibrate();
std::unique_ptr<Command> make_chat();
std::unique_ptr<Command> make_eval();
std::unique_ptr<Command> make_export();
std::unique_ptr<Command> make_import();
std::unique_ptr<Command> make_formats();
std::unique_ptr<Command> make_generate();
std::unique_ptr<Command> make_hessians();
std::unique_ptr<Command> make_inspect();
std::unique_ptr<Command> make_methods();
std::unique_ptr<Command> make_perplexity();
std::unique_ptr<Command> make_quantize();
std::unique_ptr<Command> make_tasks();
std::unique_ptr<Command> make_tokenize();

}  // namespace dwubit::cli
