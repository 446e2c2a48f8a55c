// Runs inside Thunderbird with all rights: an account, its folders, its mail, and changes to both. Gives back lines.
const [seat, done] = [arguments[0], arguments[arguments.length - 1]];
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const lines = [];
const tell = (what, value) => lines.push(`${what}: ${JSON.stringify(value)}`);
const FAILED = status => new Error(`status 0x${status.toString(16)}`);

// Everything in Thunderbird tells its end to a listener of one of these kinds.
const url = start => new Promise((resolve, reject) => start({
  QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
  OnStartRunningUrl() {},
  OnStopRunningUrl: (_, status) => (Components.isSuccessCode(status) ? resolve() : reject(FAILED(status))),
}));
const copy = start => new Promise((resolve, reject) => start({
  QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
  onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() {},
  onStopCopy: status => (Components.isSuccessCode(status) ? resolve() : reject(FAILED(status))),
}));
const folderAdded = start => new Promise(resolve => {
  const listener = {
    QueryInterface: ChromeUtils.generateQI(["nsIFolderListener"]),
    onFolderAdded(_, folder) { MailServices.mailSession.RemoveFolderListener(listener); resolve(folder); },
  };
  MailServices.mailSession.AddFolderListener(listener, Ci.nsIFolderListener.added);
  start();
});

const select = folder => url(listener => MailServices.imap.selectFolder(folder, listener, null));
const messages = folder => [...folder.messages].sort((a, b) => a.messageKey - b.messageKey);
const named = (folder, subject) => messages(folder).filter(each => each.mime2DecodedSubject.includes(subject));

async function source(folder, message) {
  const uri = folder.getUriForMsg(message);
  const octets = await new Promise((resolve, reject) => {
    const parts = [];
    MailServices.messageServiceFromURI(uri).streamMessage(uri, {
      QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
      onStartRequest() {},
      onDataAvailable(_, stream, offset, count) {
        const binary = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
        binary.setInputStream(stream);
        parts.push(binary.readBytes(count));
      },
      onStopRequest: (_, status) => (Components.isSuccessCode(status) ? resolve(parts.join("")) : reject(FAILED(status))),
    }, null, null, false, "", false);
  });
  const hash = Cc["@mozilla.org/security/hash;1"].createInstance(Ci.nsICryptoHash);
  hash.init(Ci.nsICryptoHash.SHA256);
  const plain = Uint8Array.from(octets.replaceAll("\r\n", "\n"), each => each.charCodeAt(0));
  hash.update(plain, plain.length);
  return [plain.length, hash.finish(true)];
}

function account() {
  Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(seat.ca, "C,,");
  const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  login.init(`imap://${seat.host}`, null, `imap://${seat.host}`, seat.user, seat.password, "", "");
  const server = MailServices.accounts.createIncomingServer(seat.user, seat.host, "imap");
  server.port = seat.port;
  server.socketType = seat.implicit ? Ci.nsMsgSocketType.SSL : Ci.nsMsgSocketType.alwaysSTARTTLS;
  server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
  server.doBiff = false;
  const made = MailServices.accounts.createAccount();
  made.addIdentity(MailServices.accounts.createIdentity());
  made.incomingServer = server;
  return Services.logins.addLoginAsync(login).then(() => { server.password = seat.password; return server; });
}

async function work() {
  const server = await account();
  const root = server.rootFolder;
  // The list of the mailboxes comes first; it ends when the last is known.
  const inboxFound = folderAdded(() => {});
  await url(listener => MailServices.imap.discoverAllFolders(root, listener, null));
  await inboxFound;
  const folder = name => root.descendants.find(each => each.prettyName === name || each.name === name ||
    each.localizedName === name);
  tell("folders", root.descendants.map(each => each.onlineName ?? each.name).sort());
  const inbox = root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
  await select(inbox);
  for (const each of messages(inbox)) {
    tell(each.messageKey, [each.mime2DecodedSubject, each.messageSize, each.isRead, each.isFlagged,
      await source(inbox, each)]);
  }

  inbox.markMessagesRead(named(inbox, "number 1"), true);
  inbox.markMessagesFlagged(named(inbox, "number 2"), true);
  const archive = folder("Archive");
  await select(archive);
  tell("archived", messages(archive).map(each => each.mime2DecodedSubject));
  await select(inbox);
  const transfer = (found, target, move) => copy(listener =>
    MailServices.copy.copyMessages(inbox, found, target, move, listener, null, false));
  await transfer(named(inbox, "number 3"), archive, false);
  await transfer(named(inbox, "number 4"), archive, true);
  await transfer(named(inbox, "number 5"), folder("été"), true);
  await copy(listener => inbox.deleteMessages(named(inbox, "number 6"), null, false, false, listener, false));

  const made = await folderAdded(() => root.createSubfolder("made Ω", null));
  tell("made", made.name);
  const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
  file.initWithPath(`${seat.home}/upload`);
  await IOUtils.writeUTF8(file.path, `Subject: by thunderbird\r\n\r\n${"line é\r\n".repeat(10000)}`);
  await copy(listener => MailServices.copy.copyFileMessage(file, made, null, false, Ci.nsMsgMessageFlags.Read, "",
    listener, null));
  await select(made);
  tell("uploaded", messages(made).map(each => [each.mime2DecodedSubject, each.isRead]));
  await select(inbox);
  await url(listener => inbox.compact(listener, null));
  tell("left", messages(inbox).map(each => [each.messageKey, each.isRead, each.isFlagged]));
  server.closeCachedConnections();
}

work().then(() => done(lines), problem => done([...lines, `failed: ${problem} ${problem.stack}`]));
