// node-imap. Tells in lines what it sees; see case.py for IMAP_*.
'use strict';
const { createHash } = require('crypto');
const fs = require('fs');
const { promisify } = require('util');
const Imap = require('imap');

const tell = (what, value) => console.log(`${what}: ${JSON.stringify(value)}`);
const digest = octets => createHash('sha256').update(octets).digest('hex');

function session() {
    const client = new Imap({
        host: process.env.IMAP_HOST, port: Number(process.env.IMAP_PORT), user: process.env.IMAP_USER,
        password: process.env.IMAP_PASSWORD, tls: process.env.IMAP_TLS === 'implicit', autotls: 'required',
        authTimeout: 90000, connTimeout: 90000,
        tlsOptions: { ca: fs.readFileSync(process.env.IMAP_CA), servername: process.env.IMAP_HOST },
    });
    return new Promise((resolve, reject) => {
        client.once('ready', () => resolve(client));
        client.once('error', reject);
        client.connect();
    });
}

const ended = client => new Promise(resolve => { client.once('close', resolve); client.end(); });

function messages(fetched) {
    return new Promise((resolve, reject) => {
        const all = [];
        fetched.on('message', (message, number) => {
            const each = { number };
            all.push(each);
            message.on('body', (stream, info) => {
                const chunks = [];
                stream.on('data', chunk => chunks.push(chunk));
                stream.on('end', () => {
                    const octets = Buffer.concat(chunks);
                    Object.assign(each, { size: info.size, length: octets.length, digest: digest(octets) });
                });
            });
            message.once('attributes', found =>
                Object.assign(each, { uid: found.uid, flags: [...found.flags].sort(), struct: found.struct }));
        });
        fetched.once('error', reject);
        fetched.once('end', () => resolve(all));
    });
}

async function main() {
    const client = await session();
    const call = (name, ...given) => promisify(client[name]).apply(client, given);
    tell('boxes', Object.keys(await call('getBoxes')).sort());
    tell('subscribed', Object.keys(await call('getSubscribedBoxes')).sort());
    tell('inbox', (await call('openBox', 'INBOX')).messages.total);
    tell('fetched', await messages(client.fetch('1:*', { bodies: '', struct: true })));
    tell('search', await call('search', ['UNSEEN', ['SUBJECT', 'odd']]));
    tell('search', await call('search', [['SUBJECT', 'é']]));
    tell('sort', await call('sort', ['-SIZE'], ['ALL']));
    await call('addFlags', ['2', '3'], '\\Seen');
    await call('addKeywords', ['3'], 'Node');
    await call('copy', ['2', '3'], 'Archive');
    await call('move', ['1'], 'Archive');
    await call('addFlags', ['4'], '\\Deleted');
    await call('expunge', ['4']);
    await call('addBox', 'made');
    await call('append', Buffer.from('Subject: by node-imap\r\n\r\n' + 'y'.repeat(70000)),
        { mailbox: 'made', flags: ['Draft'], date: new Date('2023-07-17T02:44:25Z') });
    tell('refused', await call('append', 'Subject: x\r\n\r\n', { mailbox: 'absent' })
        .then(() => 'taken', problem => problem.textCode));
    await call('renameBox', 'made', 'renamed');
    await call('subscribeBox', 'renamed');
    tell('status', (await call('status', 'renamed')).messages);

    // It idles by itself while it has nothing to do: this is told without being asked for.
    const news = new Promise(resolve => client.once('mail', resolve));
    const other = await session();
    await promisify(other.append).call(other, 'Subject: news\r\n\r\nx\r\n', { mailbox: 'INBOX' });
    await ended(other);
    tell('news', await news);
    tell('after', (await call('search', ['ALL'])).length);
    await ended(client);
}

main().catch(problem => { console.error(problem); process.exit(1); });
