#include "tools/cli.h"

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
    "  postern audit verify /var/log/postern/audit.log*\n"
    "  postern audit cat --user fred --since 2d --class destructive /var/log/postern/audit.log*\n"
    "\nSignals: SIGTERM drains and ends, SIGHUP reloads the configuration, SIGUSR1 reopens log and audit "
    "trail.\n"
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

constexpr const char* kVerifyHelp =
    "\nProves that no record is missing, changed or moved, over rotations and restarts, and names the first "
    "that is.\n"
    "Give it all files of the trail, in any order. The end is proven by FILE.state beside them, or by "
    "--state.\n"
    "\nExamples:\n"
    "  postern audit verify /var/log/postern/audit.log*\n"
    "  postern audit verify --key verifier.key --checkpoint-key checkpoint.pub --from 120001 audit.log*\n"
    "\nExit status: 0 whole, 1 not whole, 2 wrong usage, a file that cannot be read, or a key that is "
    "missing.\n";
constexpr const char* kKeygenHelp =
    "\nPrints the verifier's key on standard output, once, and stores only the key that comes after it: from "
    "that\n"
    "one nobody can go back. For a checkpoint key its public half is printed. Files are never overwritten.\n"
    "\nExamples:\n"
    "  postern audit keygen --chain-key /etc/postern/chain.key | ssh vault 'cat > postern-verifier.key'\n"
    "  postern audit keygen --checkpoint-key /etc/postern/checkpoint.pem > checkpoint.pub\n";
constexpr const char* kCatHelp =
    "\nA table; --json gives the records themselves. GONE: messages seen to vanish, ? where nobody can "
    "know.\n"
    "\nExamples:\n"
    "  postern audit cat --class destructive --mailbox 'Archive*' /var/log/postern/audit.log*\n"
    "  postern audit cat --user fred --since 2026-11-01 --until 2026-11-21T14:00:00Z --json audit.log*\n"
    "  postern audit cat --user fred --state /var/log/postern/audit.log.state audit.log*   (audit.redact)\n";
constexpr const char* kTailHelp =
    "\nGoes on in the new file when the trail is rotated.\n"
    "\nExample:\n"
    "  postern audit tail -n 20 --class destructive /var/log/postern/audit.log\n";

void add_audit_filter(CLI::App& app, AuditQuestion& question) {
  const auto add = [&](const char* name, std::string& value, const char* type, const char* help) {
    app.add_option(name, value, help)->type_name(type);
  };
  add("--user", question.user, "NAME", "records of this user; * and ? stand for any");
  add("--since", question.since, "TIME", "RFC 3339, a date, or how long ago: 2h, 3d");
  add("--until", question.until, "TIME", "likewise");
  add("--mailbox", question.mailbox, "NAME", "canonical; * and ? stand for any; the target counts, too");
  add("--class", question.command_class, "CLASS", "of commands: read, write, destructive, auth, admin");
  add("--event", question.event, "NAME", "auth.failure, policy.deny, audit.*, …");
  add("--session", question.session, "ID", "records of this session");
  add("--state", question.state, "FILE",
      "FILE.state of a trail with audit.redact: names are looked for by hash");
  app.add_flag("--json", question.json, "the records, one a line");
}

void add_files(CLI::App& app, AuditQuestion& question) {
  app.add_option("FILES", question.files, "of the trail")->required();
}

void add_verify(CLI::App& audit, AuditQuestion& question) {
  CLI::App* const verify = audit.add_subcommand("verify", "prove that the trail is whole");
  verify->footer(kVerifyHelp);
  verify->add_option("--key", question.key, "the key that keygen printed, for a trail with chain_key_file")
      ->type_name("FILE");
  verify
      ->add_option("--checkpoint-key", question.checkpoint_key,
                   "the public key that checkpoints are signed by")
      ->type_name("FILE");
  verify->add_option("--from", question.from, "the first record that is asked about; without it: 1")
      ->type_name("SEQ")
      ->check(CLI::PositiveNumber);
  verify->add_option("--state", question.state, "FILE.state; without it: the one beside the files")
      ->type_name("FILE");
  verify->add_flag("--json", question.json, "one object instead of lines");
  add_files(*verify, question);
  verify->callback([&question] { question.verb = AuditVerb::Verify; });
}

CLI::App* add_audit(CLI::App& app, AuditQuestion& question) {
  CLI::App* const audit = app.add_subcommand("audit", "verify and read the audit trail, and make its keys");
  audit->require_subcommand(1);
  add_verify(*audit, question);
  CLI::App* const keygen = audit->add_subcommand("keygen", "make the keys of a new trail");
  keygen->footer(kKeygenHelp);
  keygen->add_option("--chain-key", question.chain_key, "for audit.chain_key_file")->type_name("FILE");
  keygen->add_option("--checkpoint-key", question.checkpoint_key, "for audit.checkpoint_key_file")
      ->type_name("FILE");
  keygen->require_option(1, 2);
  keygen->callback([&question] { question.verb = AuditVerb::Keygen; });
  CLI::App* const cat = audit->add_subcommand("cat", "show records");
  cat->footer(kCatHelp);
  add_audit_filter(*cat, question);
  add_files(*cat, question);
  cat->callback([&question] { question.verb = AuditVerb::Cat; });
  CLI::App* const tail = audit->add_subcommand("tail", "show the last records, and those to come");
  tail->footer(kTailHelp);
  tail->add_option("-n,--lines", question.lines, "records to begin with; without it: 10")->type_name("N");
  add_audit_filter(*tail, question);
  tail->add_option("FILE", question.files, "that is written")->required()->expected(1);
  tail->callback([&question] { question.verb = AuditVerb::Tail; });
  return audit;
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
  CLI::App* const audit = add_audit(app, line.audit);
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
  if (wants_version || version->parsed()) line.subcommand = Subcommand::Version;
  if (wants_check || check->parsed()) line.subcommand = Subcommand::Check;
  if (run->parsed()) line.subcommand = Subcommand::Run;
  if (explain->parsed()) line.subcommand = Subcommand::Explain;
  if (audit->parsed()) line.subcommand = Subcommand::Audit;
  if (capabilities->parsed()) line.subcommand = Subcommand::Capabilities;
  return {line, 0};
}

}  // namespace postern::server
