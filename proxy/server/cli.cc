#include "server/cli.h"

#include <CLI/CLI.hpp>
#include <ostream>

namespace postern::server {
namespace {

constexpr int kUsage = 2;

constexpr const char* kExamples =
    "\nExamples:\n"
    "  postern check -c /etc/postern/postern.yaml\n"
    "  postern run -c /etc/postern/postern.yaml\n"
    "  postern explain -c /etc/postern/postern.yaml --user fred --from 192.0.2.7 --mailbox Archive \\\n"
    "    --command 'UID STORE 1:* +FLAGS (\\Deleted)'\n"
    "  postern capabilities -c /etc/postern/postern.yaml\n"
    "\nSignals: SIGTERM drains and ends, SIGHUP reloads the configuration, SIGUSR1 reopens the log file.\n"
    "Exit status: 0 good, 1 invalid configuration or failure, 2 wrong usage.\n";

void add_config(CLI::App& app, std::string& path) {
  app.add_option("-c,--config", path, "the configuration file")->required()->type_name("FILE");
}

CLI::App* add_explain(CLI::App& app, ExplainQuestion& question) {
  CLI::App* const explain =
      app.add_subcommand("explain", "tell what becomes of a command, and which rule decides");
  add_config(*explain, question.config_path);
  const auto add = [&](const char* name, std::string& value, const char* type, const char* help) {
    return explain->add_option(name, value, help)->type_name(type);
  };
  add("--command", question.command, "TEXT", "as a client sends it, without its tag; literals as they are")
      ->required();
  add("--user", question.user, "NAME", "as the client sends it; without it: hidden, or not logged in yet");
  add("--from", question.from, "ADDRESS", "of the client");
  add("--listener", question.listener, "NAME", "of the configuration; without it: the first");
  add("--sni", question.sni, "NAME", "the server's name that the client asks for");
  add("--tls", question.tls, "VERSION", "1.2, 1.3, …, or off; without it: 1.3 where the listener has TLS")
      ->check(CLI::IsMember({"1.0", "1.1", "1.2", "1.3", "off"}));
  add("--client-cert", question.client_cert, "NAME", "a name in the client's verified certificate");
  add("--mailbox", question.mailbox, "NAME", "the selected mailbox");
  explain->add_flag("--read-only", question.read_only, "it was opened by EXAMINE");
  add("--separator", question.separator, "C", "the upstream's, between mailbox levels; without it: /");
  explain->add_flag("--json", question.json, "one object instead of lines");
  return explain;
}

}  // namespace

Parsed parse_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  CommandLine line;
  bool wants_check = false;
  bool wants_version = false;
  CLI::App app("Postern, a TLS-terminating IMAP gateway", "postern");
  app.footer(kExamples);
  app.add_flag("-t,--test", wants_check, "the same as check")->group("Options");
  app.add_flag("--version", wants_version, "the same as version");
  CLI::Option* const config =
      app.add_option("-c,--config", line.config_path, "the configuration file, with -t");
  config->type_name("FILE");
  CLI::App* const run = app.add_subcommand("run", "serve until SIGTERM");
  add_config(*run, line.config_path);
  run->add_flag("--takeover", line.takeover, "share the ports with a running instance that is about to end");
  CLI::App* const check = app.add_subcommand("check", "verify a configuration and the files it names");
  add_config(*check, line.config_path);
  CLI::App* const explain = add_explain(app, line.question);
  CLI::App* const capabilities =
      app.add_subcommand("capabilities", "show what is told to clients of each capability, and why");
  capabilities
      ->add_option("-c,--config", line.config_path, "apply rewrite.capabilities of this configuration")
      ->type_name("FILE");
  capabilities->add_flag("--json", line.json, "an array of objects instead of columns");
  CLI::App* const version = app.add_subcommand("version", "show the version");
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
    if (wants_check && config->count() == 0) throw CLI::RequiredError("--config");
    const bool any = wants_check || wants_version || !app.get_subcommands().empty();
    if (!any) throw CLI::RequiredError("A subcommand");
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error, out, err) == 0 ? 0 : kUsage};
  }
  if (wants_version || version->parsed()) line.verb = Verb::Version;
  if (wants_check || check->parsed()) line.verb = Verb::Check;
  if (run->parsed()) line.verb = Verb::Run;
  if (explain->parsed()) line.verb = Verb::Explain;
  if (capabilities->parsed()) line.verb = Verb::Capabilities;
  return {line, 0};
}

}  // namespace postern::server
