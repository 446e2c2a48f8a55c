#include "policy/forms.h"

#include <utility>

namespace postern::policy {
namespace {

using Forms = std::vector<Form>;

// After it the mail is somewhere else.
Form filing(std::string command, std::string selected) {
  Form form{std::move(command), std::move(selected)};
  form.organises = true;
  return form;
}

Form misfit(std::string command, std::string selected = "Archive") {
  Form form{std::move(command), std::move(selected)};
  form.fits = false;
  return form;
}

std::string literal(const std::string& octets, const std::string& kind = "+") {
  return "{" + std::to_string(octets.size()) + kind + "}\r\n" + octets;
}
std::string literal8(const std::string& octets, const std::string& kind = "+") {
  return "~" + literal(octets, kind);
}

const std::string kText = "Subject: x\r\n\r\nq1 DELETE Archive\r\n";

// Spellings of one mailbox that rules name.
std::vector<std::string> archives() {
  return {"Archive",       "\"Archive\"", literal("Archive"), literal("Archive", ""),
          "\"Arch\\ive\"", "archive",     "\"ARCHIVE\""};
}

void add_expunges(Forms& out) {
  for (const char* command : {"EXPUNGE", "expunge", "eXpUnGe", "EXPUNGE ", "UID EXPUNGE 1:*", "uid expunge 1",
                              "Uid Expunge 1,3:*", "UID EXPUNGE $", "CLOSE", "close", "cLoSe", "CLOSE "})
    out.push_back({command});
}

void add_stores(Forms& out) {
  for (const std::string prefix : {"STORE 1 ", "UID STORE 1:* ", "store 1,3:* ", "Uid Store $ ", "STORE * "})
    for (const std::string item :
         {"+FLAGS (\\Deleted)", "FLAGS (\\Seen \\Deleted)", "+flags.silent (\\DELETED)",
          "FLAGS.SILENT \\deleted", "+FLAGS \\Seen \\Deleted", "(UNCHANGEDSINCE 12) +FLAGS (\\Deleted)"})
      out.push_back({prefix + item});
  for (const char* item :
       {"(unchangedsince 0) flags.silent \\DELETED", "+X-GM-LABELS (\\Trash)", "X-GM-LABELS.SILENT ()",
        "-X-GM-LABELS (\\Inbox)", "x-gm-labels (\"\\\\Trash\")", "+FLAGS ( \\Deleted )",
        "+FLAGS  (\\Deleted)", "+FLAGS (\"\\\\Deleted\")", "+FLAGS \"\\\\Deleted\"",
        "+FLAGS ($x) (\\Deleted)", "+FLAGS ((\\Deleted))", "ANNOTATION (/x (value.priv \\Deleted))",
        "+XFLAGS (\\Deleted)", "(X 1) +FLAGS (\\Deleted)"})
    out.push_back({std::string("STORE 1 ") + item});
  for (const char* item : {"+FLAGS (\\Deleted", "+FLAGS (\\Seen\t\\Deleted)", "+FLAGS \\Deleted)",
                           "+FLAGS (\\Deleted \\)", "+FLAGS (x\"\\Deleted\")", "+FLAGS (\\Deleted})",
                           "(UNCHANGEDSINCE 123456789012345678901) +FLAGS (\\Deleted)"})
    out.push_back(misfit(std::string("STORE 1 ") + item));
  for (const std::string kind : {"", "+"}) {
    out.push_back(misfit("STORE 1 +FLAGS (" + literal("\\Deleted", kind) + ")"));
    out.push_back(misfit("STORE 1 +FLAGS " + literal("\\Deleted", kind)));
    out.push_back(misfit("STORE 1 " + literal("+FLAGS", kind) + " (\\Deleted)"));
    out.push_back(misfit("UID STORE " + literal("1", kind) + " +FLAGS (\\Deleted)"));
    out.push_back(misfit("STORE 1 +FLAGS (" + literal8("\\Deleted", kind) + ")"));
  }
}

void add_moves(Forms& out) {
  for (const std::string prefix : {"MOVE 1 ", "UID MOVE 1:* ", "uid move $ "}) {
    out.push_back(filing(prefix + "Filed", "Archive"));
    for (const std::string& target : {std::string("Trash"), std::string("\"Trash\""), literal("TRASH"),
                                      literal("Trash/x", ""), std::string("\"trash/Deep\"")})
      out.push_back({prefix + target});
  }
  for (const std::string& name : archives()) out.push_back(filing("MOVE 1 " + name, "Other"));
  for (const std::string kind : {"", "+"}) {
    out.push_back({"REPLACE 1 Archive " + literal(kText, kind)});
    out.push_back({"uid replace 1 " + literal("Archive", kind) + " (\\Seen) " + literal(kText, kind)});
    out.push_back({"REPLACE 1 Archive CATENATE (URL \"/x/;UID=1\" TEXT " + literal(kText, kind) + ")"});
    out.push_back({"REPLACE 1 Archive UTF8 (" + literal8(kText, kind) + ")"});
  }
}

void add_appends(Forms& out) {
  for (const std::string& name : archives())
    for (const std::string kind : {"", "+"})
      out.push_back({"APPEND " + name + " (\\Deleted) " + literal(kText, kind), "", false, '/', false,
                     name != "\"Arch\\ive\""});
  for (const std::string kind : {"", "+"}) {
    const std::string text = literal(kText, kind);
    const std::string begin = "append Archive ";
    for (const std::string& rest :
         {"(\\Seen \\dELETED) \"17-Jul-2023 02:44:25 +0000\" " + text,
          "(\\Seen) " + text + " (\\Deleted) " + text,
          text + " " + text + " (\\DELETED) \"17-Jul-2023 02:44:25 +0000\" " + text,
          "(\\Deleted) CATENATE (TEXT " + text + " URL /x/;UID=1)",
          "CATENATE (TEXT " + text + ") (\\Deleted) " + text,
          "CATENATE (URL /x/;UID=1 TEXT " + text + ") (\\Deleted) CATENATE (URL /x/;UID=1)",
          text + " (\\Deleted) CATENATE (URL \"/x/;UID=1\")",
          "(\\Deleted) UTF8 (" + literal8(kText, kind) + ")",
          "UTF8 (" + literal8(kText, kind) + ") (\\Deleted) " + text, "(\\Deleted) " + literal8(kText, kind),
          "() " + text + " (\\Deleted) \"17-Jul-2023 02:44:25 +0000\" " + literal8(kText, kind)})
      out.push_back({begin + rest, ""});
    for (const std::string& rest :
         {"( \\Deleted) " + text, "(\"\\\\Deleted\") " + text, "(" + literal("\\Deleted", kind) + ") " + text,
          text + " (" + literal("\\Deleted", kind) + ") " + text, "\"x\" (\\Deleted) " + text,
          "(\\Deleted) (x) " + text, "(\\Deleted) junk " + text, "(\\Deleted) UTF8 (" + text + ")",
          "(\\Deleted)  " + text, text + "  (\\Deleted) " + text, text + " (\\Deleted"})
      out.push_back(misfit(begin + rest, ""));
  }
  out.push_back({"APPEND Archive (\\Deleted) CATENATE (URL /x/;UID=1)", ""});
}

void add_folders(Forms& out) {
  for (const std::string& name : archives()) {
    out.push_back({"DELETE " + name, ""});
    out.push_back(filing("RENAME " + name + " gone", ""));
    out.push_back({"rename " + name + " \"Trash/gone\"", ""});
  }
  for (const std::string inbox : {"INBOX", "inbox", "\"iNbOx\"", "{5+}\r\nInbox", "{5}\r\nINBOX"})
    out.push_back({"RENAME " + inbox + " gone", ""});
}

// How a server may write `Archive/Été` and what lies in it.
void add_spellings(Forms& out) {
  for (const char separator : {'/', '.', '\\', '^'}) {
    const std::string level(separator == '\\' ? 2 : 1, separator);
    const std::string raw(1, separator);
    for (const std::string& name :
         {"\"Archive" + level + "&AMk-t&AOk-\"", literal("Archive" + raw + "&AMk-t&AOk-"),
          "\"archive" + level + level + "&AMk-T&AOk-" + level + "\""}) {
      out.push_back({"DELETE " + name, "", false, separator});
      out.push_back({"EXPUNGE", name, false, separator});
      out.push_back({"STORE 1 +FLAGS (\\Deleted)", name, false, separator});
    }
    for (const std::string& name :
         {"\"Archive" + level + "\xc3\x89t\xc3\xa9\"", literal("Archive" + raw + "E\xcc\x81t\xc3\xa9", "")}) {
      out.push_back({"delete " + name, "", true, separator});
      out.push_back({"UID EXPUNGE 1:*", name, true, separator});
    }
  }
}

void add_rights(Forms& out) {
  for (const char* command :
       {"SETACL Archive bob lrs", "setacl \"Archive\" bob +te", "SETACL {7+}\r\nArchive bob lrs",
        "DELETEACL Archive bob", "SETQUOTA \"\" (STORAGE 1)", "SETMETADATA Archive (/private/comment NIL)",
        "SETMETADATA \"\" (/private/comment {1+}\r\nx)"})
    out.push_back({command, ""});
}

void add_strangers(Forms& out) {
  for (const char* command : {"XEXPUNGE", "PURGE Archive", "x-delete Archive", "UID PURGE 1:*",
                              "UID DELETE Archive", "UID CLOSE", "UNDELETE 1", "DONE Archive", "EXPUNGED"})
    out.push_back({command});
  for (const char* command :
       {"UID APPEND Archive (\\Deleted) {1+}\r\nx", "XMOVE 1 {5}\r\nTrash", "EXPUNGE {1+}\r\nx",
        "UID EXPUNGE {1}\r\n1", "DELETE Archive {1+}\r\nx", "MOVE 1 Trash {1}\r\nx", "MOVE {1+}\r\n1 Trash"})
    out.push_back(misfit(command));
}

Forms those_that(bool fit) {
  Forms all;
  add_expunges(all);
  add_stores(all);
  add_moves(all);
  add_appends(all);
  add_folders(all);
  add_spellings(all);
  add_rights(all);
  add_strangers(all);
  Forms out;
  for (Form& form : all)
    if (form.fits == fit) out.push_back(std::move(form));
  return out;
}

}  // namespace

std::vector<Form> forms() { return those_that(true); }
std::vector<Form> misfits() { return those_that(false); }

}  // namespace postern::policy
