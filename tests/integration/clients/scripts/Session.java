// JavaMail. Tells in lines what it sees; see case.py for IMAP_*.
import com.sun.mail.imap.IMAPFolder;
import com.sun.mail.imap.IMAPMessage;
import com.sun.mail.imap.IMAPStore;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Properties;
import javax.mail.FetchProfile;
import javax.mail.Flags;
import javax.mail.Folder;
import javax.mail.Message;
import javax.mail.Session;
import javax.mail.UIDFolder;
import javax.mail.event.MessageCountAdapter;
import javax.mail.event.MessageCountEvent;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;
import javax.mail.search.SubjectTerm;
import javax.net.ssl.TrustManagerFactory;

class MailSession {
  static void tell(String what, Object value) {
    System.out.println(what + ": " + value);
  }

  static String digest(byte[] octets) throws Exception {
    StringBuilder text = new StringBuilder();
    for (byte each : MessageDigest.getInstance("SHA-256").digest(octets)) text.append(String.format("%02x", each));
    return text.toString();
  }

  static com.sun.mail.util.MailSSLSocketFactory trusting() throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream file = new FileInputStream(System.getenv("IMAP_CA"))) {
      store.setCertificateEntry("private", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    com.sun.mail.util.MailSSLSocketFactory sockets = new com.sun.mail.util.MailSSLSocketFactory();
    sockets.setTrustManagers(factory.getTrustManagers());
    return sockets;
  }

  static IMAPStore session(String mechanisms) throws Exception {
    boolean implicit = System.getenv("IMAP_TLS").equals("implicit");
    String protocol = implicit ? "imaps" : "imap";
    Properties settings = new Properties();
    settings.put("mail." + protocol + ".ssl.socketFactory", trusting());
    settings.put("mail." + protocol + ".ssl.checkserveridentity", "true");
    settings.put("mail." + protocol + ".starttls.required", implicit ? "false" : "true");
    settings.put("mail." + protocol + ".starttls.enable", implicit ? "false" : "true");
    settings.put("mail." + protocol + ".connectionpoolsize", "2");
    if (!mechanisms.isEmpty()) settings.put("mail." + protocol + ".auth.mechanisms", mechanisms);
    IMAPStore store = (IMAPStore) Session.getInstance(settings).getStore(protocol);
    store.connect(System.getenv("IMAP_HOST"), Integer.parseInt(System.getenv("IMAP_PORT")),
        System.getenv("IMAP_USER"), System.getenv("IMAP_PASSWORD"));
    return store;
  }

  static MimeMessage message(String subject, String text) throws Exception {
    MimeMessage message = new MimeMessage(Session.getInstance(new Properties()));
    message.setSubject(subject);
    message.setText(text);
    message.setSentDate(new Date(1689561865000L));
    return message;
  }

  static void look(IMAPFolder inbox) throws Exception {
    Message[] all = inbox.getMessages();
    FetchProfile profile = new FetchProfile();
    profile.add(FetchProfile.Item.ENVELOPE);
    profile.add(FetchProfile.Item.CONTENT_INFO);
    profile.add(FetchProfile.Item.FLAGS);
    profile.add(UIDFolder.FetchProfileItem.UID);
    inbox.fetch(all, profile);
    for (Message each : all) {
      // Partial fetches of 16 kB each are how it reads by default.
      ((IMAPMessage) each).setPeek(true);
      byte[] body = ((IMAPMessage) each).getRawInputStream().readAllBytes();
      tell("" + inbox.getUID(each), each.getSubject() + " " + each.getSize() + " " + each.getContentType() + " "
          + body.length + " " + digest(body) + " " + each.isSet(Flags.Flag.SEEN));
    }
    MimeMultipart parts = (MimeMultipart) inbox.getMessage(12).getContent();
    tell("part", parts.getBodyPart(1).getFileName() + " " + digest(parts.getBodyPart(1).getInputStream().readAllBytes()));
    tell("found", inbox.search(new SubjectTerm("odd")).length + " " + inbox.search(new SubjectTerm("é")).length);
    tell("quota", inbox.getQuota().length + " " + inbox.getACL().length + " " + inbox.myRights());
  }

  static void change(IMAPStore store, IMAPFolder inbox) throws Exception {
    Folder archive = store.getFolder("Archive");
    inbox.copyMessages(inbox.getMessages(2, 3), archive);
    inbox.moveMessages(inbox.getMessages(1, 1), store.getFolder("Lists/été"));
    Flags flags = new Flags(Flags.Flag.FLAGGED);
    flags.add("Java");
    inbox.setFlags(inbox.getMessages(5, 6), flags, true);
    inbox.getMessageByUID(4).setFlag(Flags.Flag.DELETED, true);
    tell("expunged", inbox.expunge().length);
    Folder made = store.getFolder("made \"here\"");
    tell("created", made.create(Folder.HOLDS_MESSAGES));
    made.setSubscribed(true);
    made.appendMessages(new Message[] {message("by java", "line\r\n".repeat(20000)), message("second", "é")});
    tell("messages", made.getMessageCount());
    tell("renamed", made.renameTo(store.getFolder("renamed {3}")));
    try {
      store.getFolder("absent").appendMessages(new Message[] {message("x", "x")});
    } catch (Exception problem) {
      tell("refused", problem.getClass().getSimpleName());
    }
  }

  static void idle(IMAPStore store, IMAPFolder inbox) throws Exception {
    List<Integer> news = new ArrayList<>();
    inbox.addMessageCountListener(new MessageCountAdapter() {
      @Override public void messagesAdded(MessageCountEvent event) {
        news.add(event.getMessages().length);
      }
    });
    Thread other = new Thread(() -> {
      try (IMAPStore second = session("")) {
        second.getFolder("INBOX").appendMessages(new Message[] {message("news", "x")});
      } catch (Exception problem) {
        System.err.println(problem);
      }
    });
    other.start();
    while (news.isEmpty()) inbox.idle(true);
    other.join();
    tell("news", news);
  }

  public static void main(String[] arguments) throws Exception {
    for (String mechanism : new String[] {"PLAIN", "LOGIN"}) {
      try (IMAPStore store = session(mechanism)) {
        tell(mechanism, store.isConnected());
      }
    }
    try (IMAPStore store = session("")) {
      for (Folder each : store.getDefaultFolder().list("*")) tell("folder", each.getFullName());
      tell("secure", store.isSSL());
      IMAPFolder inbox = (IMAPFolder) store.getFolder("INBOX");
      inbox.open(Folder.READ_WRITE);
      look(inbox);
      change(store, inbox);
      idle(store, inbox);
      inbox.close(false);
    }
  }
}
