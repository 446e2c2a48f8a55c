// imapflow. Tells in lines what it sees; see case.py for IMAP_*.
'use strict';
const { createHash } = require('crypto');
const fs = require('fs');
const { ImapFlow } = require('imapflow');

const tell = (what, value) =>
    console.log(`${what}: ${JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? 'N' :
        each instanceof Set ? [...each].sort() : each instanceof Map ? [...each] : each))}`);
const digest = octets => createHash('sha256').update(octets).digest('hex');

async function main() {
    const client = new ImapFlow({
        host: process.env.IMAP_HOST, port: Number(process.env.IMAP_PORT), secure: process.env.IMAP_TLS === 'implicit',
        auth: { user: process.env.IMAP_USER, pass: process.env.IMAP_PASSWORD }, logger: false,
        tls: { ca: fs.readFileSync(process.env.IMAP_CA), servername: process.env.IMAP_HOST },
    });
    await client.connect();
    tell('secure', client.secureConnection);
    tell('server', Object.keys(client.serverInfo || {}));
    tell('list', (await client.list()).map(each => [each.path, each.subscribed, each.specialUse]).sort());
    const lock = await client.getMailboxLock('INBOX');
    tell('inbox', [client.mailbox.exists, client.mailbox.permanentFlags, client.mailbox.uidNext]);
    for await (const each of client.fetch('1:*', { uid: true, flags: true, envelope: true, bodyStructure: true,
        size: true, internalDate: true, source: true, headers: ['subject'] })) {
        tell(each.uid, [each.seq, each.flags, each.envelope, each.bodyStructure, each.size, each.source.length,
            digest(each.source), each.headers.toString(), each.internalDate]);
    }
    const part = await client.download('12', '2', { uid: true });
    const chunks = [];
    for await (const chunk of part.content) chunks.push(chunk);
    tell('part', [part.meta.contentType, part.meta.filename, digest(Buffer.concat(chunks))]);
    tell('partial', digest((await client.fetchOne('13', { source: { start: 1000, maxLength: 5000 } },
        { uid: true })).source));
    tell('search', await client.search({ subject: 'odd', seen: false }, { uid: true }));
    tell('search', await client.search({ subject: 'é' }, { uid: true }));

    tell('seen', await client.messageFlagsAdd('2:3', ['\\Seen', '$Node'], { uid: true }));
    tell('move', Boolean(await client.messageMove('1', 'Archive', { uid: true })));
    tell('copy', Boolean(await client.messageCopy('2:3', 'Lists/été', { uid: true })));
    tell('delete', await client.messageDelete('4', { uid: true }));
    tell('made', (await client.mailboxCreate('Made Ω "here"')).created);
    tell('append', Boolean(await client.append('Made Ω "here"', Buffer.from('Subject: by node\r\n\r\n' + 'x'.repeat(100000)),
        ['\\Draft'], new Date('2023-07-17T02:44:25Z'))));
    tell('append', await client.append('absent', 'Subject: x\r\n\r\n').then(() => 'taken', problem => problem.serverResponseCode));
    tell('status', await client.status('Made Ω "here"', { messages: true, unseen: true, uidNext: true }));
    tell('renamed', (await client.mailboxRename('Made Ω "here"', 'renamed')).newPath);
    tell('subscribe', await client.mailboxSubscribe('renamed'));
    tell('unsubscribe', await client.mailboxUnsubscribe('Archive'));
    tell('quota', Object.keys((await client.getQuota('INBOX')) || {}));

    // What another session does is told to one that idles.
    const news = new Promise(resolve => client.once('exists', resolve));
    const idle = client.idle();
    const other = new ImapFlow({ host: process.env.IMAP_HOST, port: Number(process.env.IMAP_PORT),
        secure: process.env.IMAP_TLS === 'implicit', logger: false,
        auth: { user: process.env.IMAP_USER, pass: process.env.IMAP_PASSWORD },
        tls: { ca: fs.readFileSync(process.env.IMAP_CA), servername: process.env.IMAP_HOST } });
    await other.connect();
    await other.append('INBOX', 'Subject: news\r\n\r\nx\r\n');
    tell('news', (await news).count);
    await other.logout();
    tell('noop', await client.noop() === undefined);
    await idle;
    lock.release();
    await client.logout();
}

main().catch(problem => { console.error(problem); process.exit(1); });
